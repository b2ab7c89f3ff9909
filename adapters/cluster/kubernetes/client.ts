import { Readable } from "node:stream";
import { HttpMethod, KubeConfig, RequestContext } from "@kubernetes/client-node";
import { type Dispatcher, request as send } from "undici";
import { type Clock, LightsoutError } from "#events";
import { protocolError, refusedError, transportError } from "./failures.ts";

/** Where the kubeconfig is: a file, or its text. `context` picks one of its contexts; default is its current one. */
export interface KubeconfigSource {
  readonly file?: string;
  readonly text?: string;
  readonly context?: string;
}

export interface ApiCall {
  readonly method: "GET" | "POST" | "PATCH";
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
  const config = load(options.kubeconfig);
  const server = config.getCurrentCluster()?.server.replace(/\/+$/, "") ?? "";
  const connection = createConnection(config);

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

  return {
    async call(call) {
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
          const { headers, through } = await raceAbort(connection(server + call.path), signal);
          const type = call.method === "PATCH" ? "application/merge-patch+json" : "application/json";
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
          return body;
        });
      } catch (error) {
        throw closed ? closed.error : transportError(call, error, write && sent);
      }
    },
    async stream(path, signal) {
      const call: ApiCall = { method: "GET", path, target: path.split("?")[0] ?? path, operation: "watch" };
      const opened = new AbortController();
      try {
        const { body, statusCode } = await withTimeout(AbortSignal.any([signal, opened.signal]), async (opening) => {
          const { headers, through } = await raceAbort(connection(server + path), opening);
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
    close: () => connection.close(),
  };
}

function load({ file, text, context }: KubeconfigSource): KubeConfig {
  const where = file ?? "the kubeconfig";
  const config = new KubeConfig();
  const fail = (why: string, cause?: unknown): never => {
    throw new LightsoutError("LO_CONFIG", `${where}: ${why}`, { hint: "Check it with: kubectl config view", cause });
  };
  try {
    if (text !== undefined) config.loadFromString(text);
    else if (file !== undefined) config.loadFromFile(file);
    else fail("neither file nor text is given");
  } catch (error) {
    // The parser's own message quotes the line, and lines of a kubeconfig are secrets.
    if (error instanceof LightsoutError) throw error;
    fail(`cannot be read (${(error as NodeJS.ErrnoException).code ?? "not a kubeconfig"})`);
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) fail(`has no context ${context}`);
    config.setCurrentContext(context);
  }
  if (!config.getCurrentCluster()) fail(`its context ${config.getCurrentContext()} names no cluster`);
  return config;
}

/**
 * client-node makes a new connection pool for every request it authenticates. This keeps one pool for as long as the
 * TLS material (which exec plugins and files may rotate) stays the same.
 */
function createConnection(config: KubeConfig) {
  let material: string | undefined;
  let pool: Promise<Dispatcher | undefined> = Promise.resolve(undefined);

  const newPool = async (url: string) => {
    const context = new RequestContext(url, HttpMethod.GET);
    await config.applySecurityAuthentication(context);
    return context.getDispatcher();
  };
  const connection = async (url: string) => {
    const tls: Parameters<KubeConfig["applyToHTTPSOptions"]>[0] = {};
    await config.applyToHTTPSOptions(tls);
    const now = [tls.ca, tls.cert, tls.key, tls.pfx].map((one) => (one === undefined ? "" : String(one))).join("\n");
    if (now !== material) {
      // The old pool is left to those who use it now; its sockets close when idle.
      material = now;
      pool = newPool(url);
      pool.catch(() => {
        material = undefined;
      });
    }
    const dispatcher = await pool;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(tls.headers ?? {})) headers[name] = String(value);
    if (tls.auth) headers.Authorization = `Basic ${Buffer.from(tls.auth).toString("base64")}`;
    // One connection a request: over HTTP/2 a stuck watch and a write would share one.
    const through = { allowH2: false, ...(dispatcher ? { dispatcher } : {}) };
    return { headers, through };
  };
  const close = async () => {
    const dispatcher = await pool.catch(() => undefined);
    await dispatcher?.destroy();
  };
  return Object.assign(connection, { close });
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
