import { readFileSync } from "node:fs";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { JetStreamApiError, jetstream } from "@nats-io/jetstream";
import type { Authenticator, NatsConnection, NodeConnectionOptions } from "@nats-io/transport-node";
import { connect, credsAuthenticator, NoRespondersError, nkeyAuthenticator } from "@nats-io/transport-node";
import type { Clock } from "#events";
import { LightsoutError, RefusedError, systemClock } from "#events";

/** Where the servers are and who we are there. */
export interface NatsAddress {
  /** `host:port`, one or more of one cluster. */
  readonly servers: string | readonly string[];
  readonly auth?:
    | { readonly user: string; readonly pass: string }
    | { readonly token: string }
    | { readonly nkeySeed: string }
    | { readonly credsFile: string };
  /** Paths of PEM files. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string };
  readonly clock?: Clock;
  /** How long a call waits for servers that do not answer, in milliseconds. Default 15 s: a new leader takes up to 11. */
  readonly patienceMs?: number;
}

/** A connection that comes back by itself, and calls over it that end in bounded time. */
export interface Link {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly clock: Clock;
  /** For messages: the servers, without credentials. */
  readonly where: string;
  readonly closing: AbortSignal;
  connected(): boolean;
  /** Called after every reconnection, until the returned function is. */
  onReconnect(listener: () => void): () => void;
  /**
   * Makes a call. What no server received is tried again until the patience ends; what may have been received only when it is
   * `repeatable`. Rejects with `LO_STORE_UNREACHABLE` (the answer is unknown), `LO_STORE_REFUSED` (the server said no:
   * nothing was written) or `LO_STORE_CLOSED`. A `JetStreamApiError` of a code in `expected` is passed on as it is.
   */
  ask<T>(what: string, call: () => Promise<T>, options?: { repeatable?: boolean; expected?: readonly number[] }): Promise<T>;
  close(): Promise<void>;
}

const REQUEST_TIMEOUT = 4_000;
const PAUSE = 200;

/** Connects, or rejects with `LO_STORE_UNREACHABLE` or `LO_STORE_AUTH` within the patience. */
export async function openLink(address: NatsAddress, name: string): Promise<Link> {
  const { clock = systemClock, patienceMs = 15_000 } = address;
  const where = `nats ${[address.servers].flat().map(withoutCredentials).join(", ")}`;
  const nc = await dial(address, name, where, patienceMs);
  const js = jetstream(nc, { timeout: REQUEST_TIMEOUT });
  const jsm = await js.jetstreamManager(false);
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  let up = true;
  let lost = Promise.withResolvers<never>();
  lost.promise.catch(() => {});

  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") {
        up = false;
        // The client would wait for the answers of a server that is gone until they time out.
        lost.reject(new Error("the connection was lost"));
        lost = Promise.withResolvers<never>();
        lost.promise.catch(() => {});
      }
      if (status.type !== "reconnect") continue;
      up = true;
      for (const listener of listeners) listener();
    }
  })();

  async function ask<T>(
    what: string,
    call: () => Promise<T>,
    options: { repeatable?: boolean; expected?: readonly number[] } = {},
  ): Promise<T> {
    const until = clock.mono() + patienceMs;
    for (;;) {
      closing.signal.throwIfAborted();
      let trouble: unknown = new Error("not connected");
      // While there is no connection the client would keep the request and send it later, when nobody waits for it any more.
      if (up) {
        try {
          return await Promise.race([call(), lost.promise]);
        } catch (error) {
          trouble = error;
        }
      }
      closing.signal.throwIfAborted();
      const answer = trouble instanceof JetStreamApiError ? trouble : undefined;
      if (answer && options.expected?.includes(answer.code)) throw answer;
      if (answer && answer.status !== 503) throw refusal(where, what, answer);
      const again = !up || options.repeatable || answer !== undefined || receivedByNobody(trouble);
      if (!again || clock.mono() >= until) throw answer ? refusal(where, what, answer) : unanswered(where, what, trouble);
      await clock.sleep(PAUSE, closing.signal).catch(() => {});
    }
  }

  return {
    nc,
    js,
    jsm,
    clock,
    where,
    closing: closing.signal,
    connected: () => up,
    onReconnect(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    ask,
    async close() {
      if (closing.signal.aborted) return;
      closing.abort(new LightsoutError("LO_STORE_CLOSED", `The connection to ${where} is closed`));
      // What was said last (that a record goes back) should still be heard.
      if (up) await nc.flush().catch(() => {});
      await nc.close();
    },
  };
}

async function dial(address: NatsAddress, name: string, where: string, patienceMs: number): Promise<NatsConnection> {
  try {
    return await connect({
      servers: [address.servers].flat(),
      name,
      timeout: Math.min(patienceMs, 5_000),
      maxReconnectAttempts: -1,
      reconnectTimeWait: 500,
      pingInterval: 10_000,
      maxPingOut: 2,
      // A server that was restarted with other users must not end us: it may be corrected.
      ignoreAuthErrorAbort: true,
      ...credentials(address),
      ...(address.tls ? { tls: certificates(address.tls) } : {}),
    });
  } catch (error) {
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
      : credsAuthenticator(new Uint8Array(readFileSync(auth.credsFile)));
  return { authenticator };
}

function certificates({ ca, cert, key }: NonNullable<NatsAddress["tls"]>): NonNullable<NodeConnectionOptions["tls"]> {
  return { ...(ca ? { caFile: ca } : {}), ...(cert ? { certFile: cert } : {}), ...(key ? { keyFile: key } : {}) };
}

function withoutCredentials(server: string): string {
  return server.replace(/\/\/[^@/]*@/, "//");
}

function receivedByNobody(error: unknown): boolean {
  if (error instanceof NoRespondersError) return true;
  return error instanceof Error && (error.name === "JetStreamNotEnabled" || receivedByNobody(error.cause));
}

function refusal(where: string, what: string, error: JetStreamApiError): RefusedError {
  return new RefusedError(`${where}: ${what}: ${error.message} (JetStream error ${error.code})`, {
    code: "LO_STORE_REFUSED",
    hint: "Look at the server's limits and disk: nats server report jetstream",
    cause: error,
  });
}

function unanswered(where: string, what: string, cause: unknown): LightsoutError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new LightsoutError("LO_STORE_UNREACHABLE", `${where}: ${what}: no answer: ${why}`, {
    hint: "Whether it happened is not known. Check that a majority of the servers run, with JetStream on",
    cause,
  });
}
