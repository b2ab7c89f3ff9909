import { Client } from "undici";
import { DeviceError, type DeviceErrorCode } from "#events";
import { type Reply, summarize } from "./reply.ts";
import { createConnector, type RedfishTls } from "./tls.ts";

/** One HTTP request. `changes` marks one that can change the machine: its failures are judged by whether it can have left. */
export interface Exchange {
  readonly method: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly changes?: boolean;
  /** Called in the same turn in which the request is written, and again on every connection opened for it. */
  readonly gate?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** One connection to one BMC. It repeats nothing and follows nothing. */
export interface Http {
  /** Scheme, host and port: the only place where requests go. */
  readonly origin: string;
  /** Resolves for any status. Rejects with a `DeviceError` where no answer came. */
  exchange(request: Exchange): Promise<Reply>;
  close(): Promise<void>;
}

/** Least upper bounds on waiting for the network, in real milliseconds. */
export interface Timeouts {
  /** TCP and TLS. Default 10 000 (libredfish). */
  readonly connectMs?: number;
  /** From the request to the end of the answer. Default 60 000 (ironic). */
  readonly requestMs?: number;
}

/** Largest answer read, in bytes: log collections of a few thousand entries fit. */
const sizeLimit = 8 * 1024 * 1024;

/** @param secret blanked out of everything that is told about an answer */
export function createHttp(options: { machine: string; address: string; tls: RedfishTls; timeouts?: Timeouts; secret: string }): Http {
  const { machine, address, tls, secret } = options;
  const { connectMs = 10_000, requestMs = 60_000 } = options.timeouts ?? {};
  const connect = createConnector({ machine, tls, connectMs });
  let answered = 0;
  let breaksReused = false;
  let current: { gate?: (() => void) | undefined; reached: boolean } | undefined;

  const { origin } = new URL(`${"plain" in tls ? "http" : "https"}://${address}`);
  const client = new Client(origin, {
    pipelining: 1,
    connect: (target, done) => {
      // One request at a time: while a connection is being opened for it, it cannot have been written.
      if (current) current.reached = false;
      connect(target, (error, socket) => {
        if (error || !socket) return done(error ?? new Error("no socket"), null);
        try {
          current?.gate?.();
        } catch (closed) {
          socket.destroy();
          return done(closed instanceof Error ? closed : new Error(String(closed)), null);
        }
        answered = 0;
        if (current) current.reached = true;
        done(null, socket);
      });
    },
  });

  return {
    origin,
    async exchange({ method, path, headers, body, changes = false, gate, signal }) {
      const operation = `${method} ${path}`;
      const about = (reached: boolean) => ({ target: machine, operation, effect: reached && changes ? "unknown" : "none" }) as const;
      // Sockets live in real time, whatever the clock of the rest: this is the one timer that is not the Clock's.
      const bound = signal ? AbortSignal.any([signal, AbortSignal.timeout(requestMs)]) : AbortSignal.timeout(requestMs);
      if (bound.aborted) throw new DeviceError("LO_BMC_TIMEOUT", about(false), "the time was over before it was sent");
      const mine = { gate, reached: true };
      current = mine;
      try {
        gate?.();
        const response = await client.request({
          method,
          path,
          headers: { accept: "application/json", "odata-version": "4.0", ...(body === undefined ? {} : json), ...headers },
          body: body === undefined ? null : JSON.stringify(body),
          signal: bound,
          reset: breaksReused,
        });
        answered += 1;
        const status = response.statusCode;
        const parsed = parse(await read(response.body, changes));
        return {
          status,
          header: (name) => [response.headers[name]].flat()[0],
          body: parsed,
          summary: summarize(status, parsed, secret),
        };
      } catch (error) {
        if (error instanceof DeviceError) throw error;
        // HPE resets connections that are used again (libredfish network.rs): from then on each request gets one of its own.
        if (answered > 0 && broken.has(codeOf(error))) breaksReused = true;
        const { code, message, hint } = judge(error, mine.reached);
        throw new DeviceError(code, about(mine.reached), message, { cause: error, ...(hint ? { hint } : {}) });
      } finally {
        current = undefined;
      }
    },
    async close() {
      await client.destroy();
    },
  };
}

const json = { "content-type": "application/json" };

async function read(body: AsyncIterable<Uint8Array> & { destroy(): unknown }, changes: boolean): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const part of body) {
      parts.push(part);
      size += part.byteLength;
      if (size > sizeLimit) throw new TooLarge(`more than ${sizeLimit} bytes`);
    }
  } catch (error) {
    // The status of a change is its answer: a body that breaks off does not make an accepted request doubtful.
    if (changes) return "";
    throw error;
  }
  return Buffer.concat(parts).toString("utf8");
}

class TooLarge extends Error {}

function parse(body: string): unknown {
  try {
    return JSON.parse(body.startsWith("\uFEFF") ? body.slice(1) : body);
  } catch {
    return undefined;
  }
}

/** Whether the connection broke off without an answer: the one failure after which a read is made again. */
export function brokeOff(error: unknown): boolean {
  return error instanceof DeviceError && error.code === "LO_BMC_UNREACHABLE" && broken.has(codeOf(error.cause));
}

const broken = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

function codeOf(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
}

function judge(error: unknown, reached: boolean): { code: DeviceErrorCode; message: string; hint?: string } {
  const code = codeOf(error);
  const said = error instanceof Error ? error.message : String(error);
  const name = error instanceof Error ? error.name : "";
  if (code.startsWith("ERR_SSL_")) {
    return { code: "LO_BMC_UNREACHABLE", message: `TLS failed: ${said}`, hint: "An old BMC may need tls.legacy for this machine" };
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|ERR_TLS/.test(code)) {
    return { code: "LO_BMC_CERTIFICATE", message: said, hint: "Give the CA that signed it, or pin its fingerprint" };
  }
  if (/Timeout|Abort/.test(name) || code.endsWith("_TIMEOUT")) {
    return reached
      ? { code: "LO_BMC_TIMEOUT", message: "no answer in time" }
      : { code: "LO_BMC_UNREACHABLE", message: "no connection in time", hint: "Check the BMC's address, power and network" };
  }
  if (error instanceof TooLarge || code.startsWith("HPE_") || code.startsWith("UND_ERR_HEADERS")) {
    return { code: "LO_BMC_PROTOCOL", message: `the answer is no HTTP we accept: ${said}` };
  }
  return { code: "LO_BMC_UNREACHABLE", message: said || code || "no answer", hint: "Check the BMC's address, power and network" };
}
