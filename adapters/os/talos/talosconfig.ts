import { createPrivateKey, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { LightsoutError } from "#events";
import { record, strings, text } from "./spec.ts";

/** Where the talosconfig is: a file, or its text. `context` picks one of its contexts; default is its current one. */
export interface TalosconfigSource {
  readonly file?: string;
  readonly text?: string;
  readonly context?: string;
}

/** One context of a talosconfig, with what TLS needs of it. The key is a secret. */
export interface Talosconfig {
  readonly context: string;
  /** Never empty. As written: host or address, with or without a port. */
  readonly endpoints: readonly string[];
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly roles: readonly string[];
  /** Begin and end of the client certificate, milliseconds since the epoch. */
  readonly validFrom: number;
  readonly expiresAt: number;
}

/** The file that talosctl would read: `$TALOSCONFIG`, `config` in `$TALOS_HOME` or `~/.talos`, or the one that is mounted into pods. */
export function findTalosconfig(env: Readonly<Record<string, string | undefined>>, exists: (file: string) => boolean = existsSync): string {
  const home = env.TALOS_HOME || join(env.HOME ?? "", ".talos");
  const found = env.TALOSCONFIG || [join(home, "config"), "/var/run/secrets/talos.dev/config"].find((file) => exists(file));
  return found ?? join(home, "config");
}

/** Reads a talosconfig as talosctl reads it. Throws `LO_CONFIG` that names the file and the fix, and quotes nothing of it. */
export function loadTalosconfig(source: TalosconfigSource): Talosconfig {
  const where = source.file ?? "the talosconfig";
  const command = `talosctl${source.file === undefined ? "" : ` --talosconfig ${source.file}`} config`;
  const fail = (why: string, hint = `Check it with: ${command} info`): never => {
    throw new LightsoutError("LO_CONFIG", `${where}: ${why}`, { hint });
  };

  const config = record(read(source, fail)) ?? fail("is not a talosconfig: it holds no contexts");
  const contexts = record(config.contexts) ?? fail("is not a talosconfig: it holds no contexts");
  const names = Object.keys(contexts);
  const name = source.context ?? text(config.context) ?? "";
  if (name === "") fail("names no current context", `Choose one of ${names.join(", ")} with: ${command} context <name>`);
  const context = Object.hasOwn(contexts, name) ? record(contexts[name]) : undefined;
  if (!context) return fail(`has no context ${name}`, `It has ${names.join(", ") || "none"}: choose one with: ${command} context <name>`);

  if (record(record(context.auth)?.siderov1)) {
    fail(
      `its context ${name} logs in through Omni, which Lightsout cannot`,
      "Use a talosconfig with a client certificate of the cluster itself",
    );
  }
  const target = text(context.target);
  const endpoints = strings(context.endpoints).concat(target ? [target] : []);
  if (endpoints.length === 0) {
    fail(`its context ${name} has no endpoints`, `Name the control planes with: ${command} endpoint <address> …`);
  }
  const pem = (key: "ca" | "crt" | "key") => {
    const decoded = Buffer.from(text(context[key]) ?? "", "base64").toString("latin1");
    return decoded.includes("-----BEGIN ") ? decoded : fail(`the ${key} of its context ${name} is not base64 of a PEM`, renew(command));
  };
  const [ca, cert, key] = [pem("ca"), pem("crt"), relabel(pem("key"))];
  const { subject, validFromDate, validToDate } = judge({ ca, cert, key }, (why) => fail(`${why} of its context ${name}`, renew(command)));
  // Node gives none for an empty subject, whatever its types say.
  const roles = ((subject as string | undefined) ?? "").split("\n").flatMap((line) => (line.startsWith("O=") ? [line.slice(2)] : []));
  return { context: name, endpoints, ca, cert, key, roles, validFrom: validFromDate.getTime(), expiresAt: validToDate.getTime() };
}

const renew = (command: string) => `Make a new one on a control plane with: ${command} new <file>`;

function read({ file, text: given }: TalosconfigSource, fail: (why: string) => never): unknown {
  try {
    if (given !== undefined) return parse(given, { logLevel: "error" });
    if (file !== undefined) return parse(readFileSync(file, "utf8"), { logLevel: "error" });
  } catch (error) {
    // The parser's own message quotes the line, and lines of a talosconfig are secrets.
    const code = (error as NodeJS.ErrnoException).code;
    fail(`cannot be read (${code?.startsWith("E") ? code : "not YAML"})`);
  }
  return fail("neither file nor text is given");
}

/** Talos labels its Ed25519 keys so that OpenSSL does not know them, though they are ordinary PKCS#8 inside. */
const relabel = (pem: string) => pem.replaceAll(/-----(BEGIN|END) ED25519 PRIVATE KEY-----/g, "-----$1 PRIVATE KEY-----");

function judge(pems: { ca: string; cert: string; key: string }, fail: (what: string) => never): X509Certificate {
  const tried = <T>(what: string, make: () => T): T => {
    try {
      return make();
    } catch {
      return fail(`cannot make sense of the ${what}`);
    }
  };
  tried("ca", () => new X509Certificate(pems.ca));
  const cert = tried("crt", () => new X509Certificate(pems.cert));
  const key = tried("key", () => createPrivateKey(pems.key));
  return cert.checkPrivateKey(key) ? cert : fail("the key does not belong to the crt");
}
