import { z } from "zod";
import type { Secret } from "../secret.ts";
import { section } from "./section.ts";
import { like, path, Refused, secret, user, value } from "./value.ts";

// Their schemes in any case: JSON Schema knows no flags.
const url = /([Nn][Aa][Tt][Ss]|[Tt][Ll][Ss]|[Ww][Ss][Ss]?):\/\/[^\s@/,]+\/?/.source;
const server = value(
  "the URL of a NATS server, such as nats://10.0.10.5:4222",
  (given) => {
    const fix = "Write it like nats://10.0.10.5:4222 or tls://nats.lan:4222; users and passwords have their place under auth";
    const match = /^(nats|tls|ws|wss):\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?\/?$/i.exec(given);
    if (!match) return new Refused(given.includes("@") ? "holds a user or a password" : "is not the URL of a NATS server", fix);
    const port = match[3] ?? ":4222";
    return Number(port.slice(1)) <= 65_535 ? `${match[1]}://${match[2]}${port}`.toLowerCase() : new Refused("has no such port", fix);
  },
  like(new RegExp(`^${url}$`), "nats://10.0.10.5:4222"),
);

const auth = section({
  token: secret.optional().describe("Reference to a token."),
  user: user.optional().describe("The user's name, itself or a reference; it needs password."),
  password: secret.optional().describe("Reference to the user's password."),
  credentials: secret.optional().describe("Reference to the content of a credentials file."),
  nkey: secret.optional().describe("Reference to the seed of an nkey."),
});

const serverList = like(new RegExp(`^${url}(\\s*,\\s*${url})*$`), "nats://10.0.10.5:4222");

const nats = section({
  servers: z
    .preprocess((input) => (typeof input === "string" ? input.split(",") : input), z.array(server).min(1))
    .meta({ inOneWord: serverList, description: "URLs of the servers, as a list or with commas." }),
  replicas: value(
    "1, 3 or 5",
    (given): 1 | 3 | 5 | Refused => {
      const found = ([1, 3, 5] as const).find((count) => String(count) === given);
      return found ?? new Refused("is not a number of replicas", "Write 1, 3 or 5, and no more than there are servers");
    },
    { enum: [1, 3, 5, "1", "3", "5"] },
  )
    .optional()
    .describe("How many servers keep each stream; default 3 where there are so many, else 1."),
  auth: auth.optional().describe("How to log in: a token, a user and a password, credentials, or an nkey."),
  tls: section({
    ca: path.optional().describe("File with the certificate authority of the servers, PEM."),
    cert: path.optional().describe("File with the client's certificate, PEM; it needs key."),
    key: path.optional().describe("File with the key of the client's certificate, PEM."),
  })
    .optional()
    .describe("TLS to the servers."),
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
  .preprocess(
    spelledOut,
    section({
      embedded: section({ path: path.prefault("./lightsout.db").describe("The SQLite file.") })
        .optional()
        .describe("One file, for one process."),
      nats: nats.optional().describe("NATS JetStream, for any number of workers."),
    }),
  )
  .meta({ inOneWord: { anyOf: [{ enum: ["embedded"] }, serverList] } })
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
