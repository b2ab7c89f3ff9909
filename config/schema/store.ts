import { z } from "zod";
import type { Secret } from "../secret.ts";
import { section } from "./section.ts";
import { path, Refused, secret, user, value } from "./value.ts";

const server = value("the URL of a NATS server, such as nats://10.0.10.5:4222", (given) => {
  const fix = "Write it like nats://10.0.10.5:4222 or tls://nats.lan:4222; users and passwords have their place under auth";
  const match = /^(nats|tls|ws|wss):\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?\/?$/i.exec(given);
  if (!match) return new Refused(given.includes("@") ? "holds a user or a password" : "is not the URL of a NATS server", fix);
  const port = match[3] ?? ":4222";
  return Number(port.slice(1)) <= 65_535 ? `${match[1]}://${match[2]}${port}`.toLowerCase() : new Refused("has no such port", fix);
});

const auth = section({
  token: secret.optional(),
  user: user.optional(),
  password: secret.optional(),
  credentials: secret.optional(),
  nkey: secret.optional(),
});

const nats = section({
  servers: z.preprocess((input) => (typeof input === "string" ? input.split(",") : input), z.array(server).min(1)),
  replicas: value("1, 3 or 5", (given): 1 | 3 | 5 | Refused => {
    const found = ([1, 3, 5] as const).find((count) => String(count) === given);
    return found ?? new Refused("is not a number of replicas", "Write 1, 3 or 5, and no more than there are servers");
  }).optional(),
  auth: auth.optional(),
  tls: section({ ca: path.optional(), cert: path.optional(), key: path.optional() }).optional(),
});

/** How to log in to NATS. */
export type NatsAuth =
  | { readonly kind: "token"; readonly token: Secret }
  | { readonly kind: "password"; readonly user: string; readonly password: Secret }
  /** The content of a credentials file. */
  | { readonly kind: "credentials"; readonly credentials: Secret }
  /** The seed of an nkey. */
  | { readonly kind: "nkey"; readonly nkey: Secret };

interface EmbeddedStoreConfig {
  readonly kind: "embedded";
  /** The SQLite file; absolute after loading. */
  readonly path: string;
}

interface NatsStoreConfig {
  readonly kind: "nats";
  readonly servers: readonly string[];
  /** How many servers keep each stream; default: as many of 1 or 3 as there are servers. */
  readonly replicas: 1 | 3 | 5;
  readonly auth?: NatsAuth;
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
}

export type StoreConfig = EmbeddedStoreConfig | NatsStoreConfig;

/** `store`: `embedded: {path}`, `nats: {…}`, or in one word `embedded` or `nats://host:4222,…`. */
export const store = z
  .preprocess(spelledOut, section({ embedded: section({ path: path.prefault("./lightsout.db") }).optional(), nats: nats.optional() }))
  .transform((written, context): StoreConfig => {
    const refuse = (message: string, fix: string, at: string[] = []) => {
      context.addIssue({ code: "custom", message, params: { fix }, path: at, input: undefined });
      return z.NEVER;
    };
    if (!written.nats) return { kind: "embedded", path: written.embedded?.path ?? "./lightsout.db" };
    if (written.embedded) return refuse("Two stores are given", "Keep embedded or nats and remove the other");
    const { servers, replicas, auth: login, tls } = written.nats;
    const found = login && natsAuth(login);
    if (typeof found === "string") return refuse(found, "Give token, or user and password, or credentials, or nkey", ["nats", "auth"]);
    if (tls && (tls.cert === undefined) !== (tls.key === undefined)) {
      return refuse("A certificate and its key belong together", "Give both cert and key, or neither", ["nats", "tls"]);
    }
    return {
      kind: "nats",
      servers,
      replicas: replicas ?? (servers.length >= 3 ? 3 : 1),
      ...(found && { auth: found }),
      ...(tls && { tls: present(tls) }),
    };
  });

function spelledOut(input: unknown): unknown {
  if (typeof input !== "string") return input;
  return input === "embedded" ? { embedded: {} } : { nats: { servers: input } };
}

function natsAuth({ token, user: name, password, credentials, nkey }: z.output<typeof auth>): NatsAuth | string {
  const ways: NatsAuth[] = [];
  if (token) ways.push({ kind: "token", token });
  if (credentials) ways.push({ kind: "credentials", credentials });
  if (nkey) ways.push({ kind: "nkey", nkey });
  if (name !== undefined && password) ways.push({ kind: "password", user: name, password });
  else if (name !== undefined || password) return "A user and a password belong together";
  return ways.length === 1 && ways[0] ? ways[0] : ways.length === 0 ? "No way to log in is given" : "Several ways to log in are given";
}

/** Without the keys that hold nothing. */
export function present<T extends object>(given: T): { [Key in keyof T]: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, item]) => item !== undefined)) as {
    [Key in keyof T]: Exclude<T[Key], undefined>;
  };
}
