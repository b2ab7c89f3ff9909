import { Readable } from "node:stream";
import { request as send } from "undici";
import type { Clock } from "#events";
import { protocolError, refusedError, transportError } from "./failures.ts";
import type { KubeconfigSource } from "./kubeconfig.ts";
import { createLogins } from "./login.ts";

export interface ApiCall {
  readonly method: "GET" | "POST" | "PUT" | "PATCH";
  /** How a PATCH is meant: as a merge patch (RFC 7386), or as the wish of a field manager (server-side apply). Default `merge`. */
  readonly patch?: "merge" | "apply";
  /** Path with query, as `/api/v1/nodes?limit=5`. */
  readonly path: string;
  /** For errors: the machine or the resource, and what is tried with it. */
  readonly target: string;
  readonly operation: string;
  readonly body?: unknown;
  /** Called in the moment in which the first byte of a write can go out, and never for a read: connected, authenticated. May throw. */
  readonly gate?: () => void;
  readonly signal?: AbortSignal | undefined;
}

/** The Kubernetes API behind a kubeconfig. Nothing is ever sent twice; every failure is a `DeviceError` with its effect. */
export interface KubeClient {
  /** One request, answered with the parsed JSON body. */
  call(call: ApiCall): Promise<unknown>;
  /** The API server's clock, milliseconds since the epoch; `undefined` where its answer has no date. */
  now(signal?: AbortSignal): Promise<number | undefined>;
  /** Opens a stream of lines: a watch. Resolves when the server has accepted it; ends or throws as the connection does. */
  stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  close(): Promise<void>;
}

/**
 * Authenticates as the kubeconfig says (client certificates, tokens, exec, OIDC) through `@kubernetes/client-node`.
 * @param timeoutMs for one request with its answer; default 10 s
 */
export function createKubeClient(options: { kubeconfig: KubeconfigSource; clock: Clock; timeoutMs?: number }): KubeClient {
  const { clock, timeoutMs = 10_000 } = options;
  const logins = createLogins(options.kubeconfig);

  const withTimeout = async <T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> => {
    const over = new AbortController();
    const done = new AbortController();
    const timer = clock.sleep(timeoutMs, done.signal).then(
      () => over.abort(new Error(`no answer within ${timeoutMs} ms`)),
      () => undefined,
    );
    try {
      return await work(signal ? AbortSignal.any([signal, over.signal]) : over.signal);
    } finally {
      done.abort();
      await timer;
    }
  };

  const exchange = async (call: ApiCall): Promise<{ body: unknown; date: unknown }> => {
    let sent = false;
    let closed: { readonly error: unknown } | undefined;
    // The body is pulled only once the connection stands, together with the request's head: nothing is out before the gate.
    const payload = Buffer.from(JSON.stringify(call.body ?? {}));
    async function* gated() {
      try {
        call.gate?.();
      } catch (error) {
        closed = { error };
        throw error;
      }
      sent = true;
      yield payload;
    }
    const write = call.method !== "GET";
    try {
      return await withTimeout(call.signal, async (signal) => {
        const { server, credentials } = logins.now();
        const { headers, through } = await raceAbort(credentials.forUrl(server + call.path), signal);
        // JSON is YAML: applying takes no other media type in every version of Kubernetes.
        const patch = call.patch === "apply" ? "application/apply-patch+yaml" : "application/merge-patch+json";
        const type = call.method === "PATCH" ? patch : "application/json";
        const answer = await send(server + call.path, {
          method: call.method,
          headers: {
            ...headers,
            accept: "application/json",
            ...(write ? { "content-type": type, "content-length": String(payload.length) } : {}),
          },
          ...(write ? { body: Readable.from(gated(), { objectMode: false }) } : {}),
          signal,
          ...through,
        });
        const text = await answer.body.text();
        const body = parse(text);
        if (answer.statusCode >= 400) throw refusedError(call, answer.statusCode, body, text, retryAfter(answer.headers));
        if (body === undefined) throw protocolError(call, text);
        return { body, date: answer.headers.date };
      });
    } catch (error) {
      throw closed ? closed.error : transportError(call, error, write && sent);
    }
  };

  return {
    call: async (call) => (await exchange(call)).body,
    async now(signal) {
      const { date } = await exchange({ method: "GET", path: "/version", target: "the API server", operation: "read its clock", signal });
      const at = Date.parse(String(date));
      return Number.isFinite(at) ? at : undefined;
    },
    async stream(path, signal) {
      const call: ApiCall = { method: "GET", path, target: path.split("?")[0] ?? path, operation: "watch" };
      const opened = new AbortController();
      try {
        const { body, statusCode } = await withTimeout(AbortSignal.any([signal, opened.signal]), async (opening) => {
          const { server, credentials } = logins.now();
          const { headers, through } = await raceAbort(credentials.forUrl(server + path), opening);
          const accepted = send(server + path, {
            headers: { ...headers, accept: "application/json" },
            signal: AbortSignal.any([signal, opened.signal]),
            bodyTimeout: 0,
            ...through,
          });
          return await raceAbort(accepted, opening);
        });
        if (statusCode !== 200) {
          const text = await withTimeout(signal, (reading) => raceAbort(body.text(), reading));
          throw refusedError(call, statusCode, parse(text), text, undefined);
        }
        return body;
      } catch (error) {
        opened.abort();
        throw transportError(call, error, false);
      }
    },
    close: () => logins.close(),
  };
}

/** Exec plugins and token refreshes know no signal: this stops waiting for them. */
async function raceAbort<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
    work.catch(() => undefined);
  }
}

function retryAfter(headers: Record<string, string | string[] | undefined>): number | undefined {
  const seconds = Number(headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
