import type { Authenticator, NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import { connect, credsAuthenticator, nkeyAuthenticator } from "@nats-io/transport-node";
import type { Clock } from "#events";
import { LightsoutError, systemClock } from "#events";

/** Where the servers are and who we are there. */
export interface NatsAddress {
  /** `host:port`, one or more of one cluster. */
  readonly servers: string | readonly string[];
  readonly auth?:
    | { readonly user: string; readonly pass: string }
    | { readonly token: string }
    | { readonly nkeySeed: string }
    /** The content of a credentials file. */
    | { readonly creds: string };
  /** Paths of PEM files. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly clock?: Clock;
  /** How long a call waits for servers that do not answer, in milliseconds. Default 15 s: a new leader takes up to 11. */
  readonly patienceMs?: number;
}

/** How long a call waits by default, in milliseconds. */
export const PATIENCE = 15_000;
const PAUSE = 200;

/** The servers as a person reads them, without credentials. */
export function placeOf(address: NatsAddress): string {
  return `nats ${[address.servers].flat().map(withoutCredentials).join(", ")}`;
}

/** Connects; after a power cut the servers may come up later than we do, so it tries until the patience ends. */
export async function dial(address: NatsAddress, name: string, where: string): Promise<NatsConnection> {
  const { clock = systemClock, patienceMs = PATIENCE } = address;
  const until = clock.mono() + patienceMs;
  for (;;) {
    try {
      return await attempt(address, name, where, patienceMs);
    } catch (error) {
      if ((error as LightsoutError).code !== "LO_STORE_UNREACHABLE" || clock.mono() >= until) throw error;
      await clock.sleep(PAUSE);
    }
  }
}

async function attempt(address: NatsAddress, name: string, where: string, patienceMs: number): Promise<NatsConnection> {
  try {
    return await connect({
      servers: [address.servers].flat(),
      name,
      timeout: Math.min(patienceMs, 5_000),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
      pingInterval: 10_000,
      maxPingOut: 2,
      // Or it makes an error object, with a stack, for every request that goes well.
      noAsyncTraces: true,
      // A server that was restarted with other users must not end us: it may be corrected.
      ignoreAuthErrorAbort: true,
      ...credentials(address),
      ...(address.tls ? { tls: certificates(address.tls) } : {}),
    });
  } catch (error) {
    if (error instanceof LightsoutError) throw error;
    const why = error instanceof Error ? error.message : String(error);
    if (/authoriz|authenti/i.test(`${(error as Error).name} ${why}`)) {
      throw new LightsoutError("LO_STORE_AUTH", `${where} refused us: ${why}`, {
        hint: "Check the user, token, nkey or creds file",
        cause: error,
      });
    }
    throw new LightsoutError("LO_STORE_UNREACHABLE", `${where} cannot be reached: ${why}`, {
      hint: "Check the address, and that nats-server runs with JetStream on (nats-server -js)",
      cause: error,
    });
  }
}

function credentials({ auth }: NatsAddress): Pick<NodeConnectionOptions, "user" | "pass" | "token" | "authenticator"> {
  if (!auth) return {};
  if ("user" in auth) return { user: auth.user, pass: auth.pass };
  if ("token" in auth) return { token: auth.token };
  const authenticator: Authenticator =
    "nkeySeed" in auth
      ? nkeyAuthenticator(new TextEncoder().encode(auth.nkeySeed))
      : credsAuthenticator(new TextEncoder().encode(auth.creds));
  return { authenticator };
}

function certificates({ ca, cert, key }: NonNullable<NatsAddress["tls"]>): NonNullable<NodeConnectionOptions["tls"]> {
  return { ...(ca ? { caFile: ca } : {}), ...(cert ? { certFile: cert } : {}), ...(key ? { keyFile: key } : {}) };
}

function withoutCredentials(server: string): string {
  return server.replace(/\/\/[^@/]*@/, "//");
}
