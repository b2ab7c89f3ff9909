import type { ClientHttp2Session } from "node:http2";
import type { DescService } from "@bufbuild/protobuf";
import { type CallOptions, type Client as Calls, createClient as createCalls } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { type ActVerb, admit, type Clock, GateClosedError, type Permit } from "#events";
import { asTalosError, talosError } from "./failures.ts";
import type { Session } from "./session.ts";
import { wholeOrReset } from "./streams.ts";

/** What Talos sends at most, and takes at most. */
const maxBytes = 32 * 1024 * 1024;

export interface Call {
  /** For errors: as talosctl would call it. */
  readonly operation: string;
  /** For the whole call, in milliseconds. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal | undefined;
}

type Work<S extends DescService, R> = (calls: Calls<S>, options: CallOptions) => R;

/** A read: one call, or several that share a deadline. */
export type Ask = <S extends DescService, R>(service: S, call: Call, work: Work<S, Promise<R>>) => Promise<R>;

/** The API of one machine. Every call has a deadline; every failure is a `DeviceError` or an `UnsupportedError`. */
export interface Client {
  readonly machine: string;
  readonly ask: Ask;
  /**
   * A stream of messages. Stopping to iterate cancels it. One that lasts has no end of its own: its deadline is for its first message
   * where it `greets`, and for the connection alone where it may be `silent`.
   */
  listen<S extends DescService, R>(
    service: S,
    call: Call & { readonly lasting?: "greets" | "silent" | undefined },
    work: Work<S, AsyncIterable<R>>,
  ): AsyncGenerator<R, void, undefined>;
  /**
   * Takes the permit, first thing in every actuating method: throws unless it is for this machine and this verb, and unused. `about` names
   * another machine where this one is asked to do something to it.
   */
  admit(permit: Permit, verb: ActVerb, about?: string): Admitted;
}

/** What a permit allows: reads that belong to the act, and one effectful call. */
export interface Admitted {
  readonly ask: Ask;
  /** The act's signal. */
  readonly signal: AbortSignal;
  /** The one effectful call: over a connection that has just answered, after the check of who answers, behind the permit's gate. */
  send<S extends DescService, R>(service: S, call: Omit<Call, "signal">, work: Work<S, Promise<R>>): Promise<R>;
}

export function createClient(options: {
  machine: string;
  session: Session;
  clock: Clock;
  timeoutMs: number;
  /** Asked before every act on the act's own connection; throws when this is not the machine that is meant. */
  check: (ask: Ask, signal: AbortSignal) => Promise<void>;
}): Client {
  const { machine, session, clock } = options;

  const over = (connection: ClientHttp2Session, before: () => void = () => undefined) =>
    createGrpcTransport({
      baseUrl: session.authority,
      readMaxBytes: maxBytes,
      writeMaxBytes: maxBytes,
      acceptCompression: [],
      sessionManager: {
        authority: session.authority,
        async request(method, path, headers, rest) {
          before();
          return wholeOrReset(connection.request({ ...headers, ":method": method, ":path": path }, rest));
        },
        notifyResponseByteRead() {},
      },
    });

  /** One call under its deadline; `begin` opens the connection and tells when something effectful goes out. */
  const limited = async <R>(call: Call, work: (scene: Scene) => Promise<R>): Promise<R> => {
    const scene = createScene(clock, call, options.timeoutMs);
    try {
      return await work(scene);
    } catch (error) {
      throw verdict(call, scene, error);
    } finally {
      scene.end();
    }
  };

  const verdict = (call: Call, scene: Scene, error: unknown): unknown => {
    const attempt = { machine, operation: call.operation, sent: scene.sent };
    if (error instanceof GateClosedError || scene.closed !== undefined) return scene.closed ?? error;
    if (scene.late()) {
      session.doubt(scene.connection);
      return talosError(attempt, "LO_TALOS_TIMEOUT", `no answer within ${scene.timeoutMs} ms`);
    }
    if (call.signal?.aborted && !scene.acting) return call.signal.reason;
    if (call.signal?.aborted) return talosError(attempt, "LO_TALOS_TIMEOUT", "the act's time was over before the answer");
    return asTalosError(attempt, error);
  };

  const askOver =
    ({ connection, acting = false }: { connection?: ClientHttp2Session; acting?: boolean }): Ask =>
    (service, call, work) =>
      limited(call, async (scene) => {
        scene.acting = acting;
        scene.connection = connection ?? (await session.open(scene.signal));
        return await work(createCalls(service, over(scene.connection)), { signal: scene.signal });
      });

  return {
    machine,
    ask: askOver({}),
    async *listen(service, call, work) {
      const scene = createScene(clock, call, options.timeoutMs);
      try {
        scene.connection = await session.open(scene.signal);
        if (call.lasting === "silent") scene.inTime();
        for await (const message of work(createCalls(service, over(scene.connection)), { signal: scene.signal })) {
          if (call.lasting) scene.inTime();
          yield message;
        }
      } catch (error) {
        throw verdict(call, scene, error);
      } finally {
        scene.end();
      }
    },
    admit(permit, verb, about = machine) {
      admit(permit, about, verb);
      const { signal } = permit;
      return {
        signal,
        ask: askOver({ acting: true }),
        send: (service, call, work) =>
          limited({ ...call, signal }, async (scene) => {
            scene.acting = true;
            const connection = await session.openAlive(scene.signal);
            scene.connection = connection;
            await options.check(askOver({ connection, acting: true }), scene.signal);
            const gate = () => {
              scene.signal.throwIfAborted();
              if (connection.destroyed) throw new Error("the connection was closed");
              try {
                permit.gate();
              } catch (error) {
                scene.closed = error;
                throw error;
              }
              scene.sent = true;
            };
            return await work(createCalls(service, over(connection, gate)), { signal: scene.signal });
          }),
      };
    },
  };
}

interface Scene {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  connection: ClientHttp2Session | undefined;
  acting: boolean;
  sent: boolean;
  /** What the gate threw. */
  closed: unknown;
  late(): boolean;
  /** Ends the deadline, not the call. */
  inTime(): void;
  /** Ends both: whatever of the call still runs is cancelled. */
  end(): void;
}

function createScene(clock: Clock, call: Call, defaultMs: number): Scene {
  const timeoutMs = call.timeoutMs ?? defaultMs;
  const stop = new AbortController();
  const answered = new AbortController();
  let late = false;
  void clock.sleep(timeoutMs, answered.signal).then(
    () => {
      late = true;
      stop.abort(new Error(`no answer within ${timeoutMs} ms`));
    },
    () => undefined,
  );
  return {
    signal: call.signal ? AbortSignal.any([call.signal, stop.signal]) : stop.signal,
    timeoutMs,
    connection: undefined,
    acting: false,
    sent: false,
    closed: undefined,
    late: () => late,
    inTime: () => answered.abort(),
    end() {
      answered.abort();
      stop.abort(new Error("over"));
    },
  };
}
