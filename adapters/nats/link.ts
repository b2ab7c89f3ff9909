import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { JetStreamApiError, jetstream } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { NoRespondersError } from "@nats-io/transport-node";
import type { Clock } from "#events";
import { LightsoutError, RefusedError, systemClock } from "#events";
import type { NatsAddress } from "./dial.ts";
import { dial, PATIENCE, placeOf } from "./dial.ts";

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
  const { clock = systemClock, patienceMs = PATIENCE } = address;
  const where = placeOf(address);
  const nc = await dial(address, name, where);
  const js = jetstream(nc, { timeout: REQUEST_TIMEOUT });
  const jsm = await js.jetstreamManager(false);
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  let up = true;
  const waiting = new Set<(error: Error) => void>();

  void (async () => {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") {
        up = false;
        // The client would wait for the answers of a server that is gone until they time out.
        for (const reject of waiting) reject(new Error("the connection was lost"));
        waiting.clear();
      }
      if (status.type !== "reconnect") continue;
      up = true;
      for (const listener of listeners) listener();
    }
  })();

  /** Not a race with one lasting promise: that one would remember every call until the connection is lost. */
  const unlessLost = <T>(answer: Promise<T>) =>
    new Promise<T>((resolve, reject) => {
      waiting.add(reject);
      answer.then(
        (value) => {
          waiting.delete(reject);
          resolve(value);
        },
        (error) => {
          waiting.delete(reject);
          reject(error);
        },
      );
    });

  async function ask<T>(
    what: string,
    call: () => Promise<T>,
    options: { repeatable?: boolean; expected?: readonly number[] } = {},
  ): Promise<T> {
    const until = clock.mono() + patienceMs;
    for (;;) {
      closing.signal.throwIfAborted();
      let trouble: unknown;
      // While there is no connection the client would keep the request and send it later, when nobody waits for it any more.
      if (up) {
        try {
          return await unlessLost(call());
        } catch (error) {
          trouble = error;
        }
      } else trouble = new Error("not connected");
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
