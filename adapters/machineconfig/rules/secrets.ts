import { at, kindOf } from "../documents.ts";
import { type ConfigProblem, error, type Rule, type Subject } from "./rule.ts";

interface Secret {
  readonly path: string;
  readonly form: "pem" | "token" | "text";
  /** Only control planes have it; on a worker Talos refuses it. */
  readonly controls?: true;
  /** The document of 1.14 that says it instead. */
  readonly kind?: string;
}

const secrets: readonly Secret[] = [
  { path: "machine.token", form: "text" },
  { path: "machine.ca.crt", form: "pem" },
  { path: "machine.ca.key", form: "pem", controls: true },
  { path: "cluster.id", form: "text", kind: "DiscoveryIdentityConfig" },
  { path: "cluster.secret", form: "text", kind: "DiscoveryIdentityConfig" },
  { path: "cluster.token", form: "token" },
  { path: "cluster.ca.crt", form: "pem", kind: "KubeAPIServerCAConfig" },
  { path: "cluster.ca.key", form: "pem", controls: true, kind: "KubeAPIServerCAConfig" },
  { path: "cluster.aggregatorCA.crt", form: "pem", controls: true, kind: "KubeAggregatorCAConfig" },
  { path: "cluster.aggregatorCA.key", form: "pem", controls: true, kind: "KubeAggregatorCAConfig" },
  { path: "cluster.serviceAccount.key", form: "pem", controls: true, kind: "KubeServiceAccountConfig" },
  { path: "cluster.etcd.ca.crt", form: "pem", controls: true },
  { path: "cluster.etcd.ca.key", form: "pem", controls: true },
];
const encryption = ["cluster.secretboxEncryptionSecret", "cluster.aescbcEncryptionSecret"];

const isPem = (text: string) => /^-----BEGIN [A-Z0-9 ]+-----\r?\n/.test(Buffer.from(text, "base64").toString("latin1"));
/** What stands where a secret was taken out: talosctl's stars, references that nobody replaced, words of examples. */
const isPlaceholder = (text: string) => /^(\*+|<.*>|.*\$\{.*\}.*|.*\{\{.*\}\}.*|redacted|changeme|todo|xxx+)$/i.test(text.trim());

/** Every secret that the role needs is there and is one; a worker has none of a control plane's. */
export const secretRule: Rule = (subject) => [...secrets.flatMap((secret) => judge(subject, secret)), ...encryptionProblems(subject)];

function judge({ documents, main, worker }: Subject, { controls, form, kind, path }: Secret): ConfigProblem[] {
  const value = at(main, ...path.split("."));
  if (controls && worker) return value === undefined || value === "" ? [] : [foreign(path)];
  if (kind !== undefined && kindOf(documents, kind)) return [];
  if (typeof value !== "string" || value.trim() === "") return [missing(path)];
  if (isPlaceholder(value)) return [error("secret-placeholder", path, "A placeholder stands where the secret should be", render)];
  if (form === "pem" && !isPem(value)) return [error("secret-form", path, "This is not base64 of a PEM block", render)];
  if (form === "token" && !/^[a-z0-9]{6}\.[a-z0-9]{16}$/.test(value)) {
    return [error("secret-form", path, "This is not a bootstrap token (6 characters, a dot, 16 characters)", render)];
  }
  return [];
}

function encryptionProblems({ documents, main, worker }: Subject): ConfigProblem[] {
  const given = encryption.filter((path) => at(main, ...path.split(".")) !== undefined);
  if (worker) return given.map(foreign);
  if (given.length === 0 && !kindOf(documents, "KubeEtcdEncryptionConfig")) return [missing("cluster.secretboxEncryptionSecret")];
  return given
    .filter((path) => isPlaceholder(String(at(main, ...path.split(".")))))
    .map((path) => error("secret-placeholder", path, "A placeholder stands where the secret should be", render));
}

const render = "Render the base again with its secrets: talosctl gen config --with-secrets, or talhelper genconfig";
const missing = (path: string) => error("secret-missing", path, "This secret is missing: the machine could not join", render);
const foreign = (path: string) =>
  error("secret-foreign", path, "Only control planes may have this; Talos refuses it on a worker", "Render the base for a worker");
