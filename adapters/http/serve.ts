import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { getRequestListener } from "@hono/node-server";
import { type Clock, LightsoutError, systemClock } from "#events";
import type { App } from "./app.ts";
import { answerBroken } from "./broken.ts";
import { isLoopback } from "./loopback.ts";
import { ProblemError, problemResponse } from "./problem.ts";

/** Where to listen: `"127.0.0.1:7480"`, `"[::1]:0"`, or in parts. Port 0 takes any free one. */
export type Listen = string | { readonly host: string; readonly port: number };

/** What can be served. */
export type Servable = Pick<App, "fetch" | "guarded" | "endStreams">;

/** A server that runs. */
export interface Served {
  /** Where it answers, such as `http://127.0.0.1:7480`. */
  readonly url: string;
  /** Takes no more requests, ends the streams, lets others finish for five seconds, and lets go of the port. */
  close(): Promise<void>;
}

const graceMs = 5000;

/**
 * Serves the API. Throws `LO_HTTP_OPEN` for an address that others can reach while no tokens are asked for, `LO_HTTP_LISTEN` for what is
 * no address, and `LO_HTTP_PORT` where the port cannot be had.
 */
export async function serveHttp(app: Servable, options: { listen: Listen; clock?: Clock }): Promise<Served> {
  const { host, port } = checkOpen(app, options.listen);
  const listener = getRequestListener(app.fetch, {
    overrideGlobalObjects: false,
    errorHandler: () => problemResponse(new ProblemError(400, "LO_HTTP_REQUEST", "The request's target or Host header is not valid")),
  });
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 60_000, connectionsCheckingInterval: 5000 }, listener);
  answerBroken(server);
  // A connection that was busy when the server closed would else be kept for seconds.
  server.on("request", (_, outgoing) =>
    outgoing.once("close", () => server.listening || setImmediate(() => server.closeIdleConnections())),
  );
  await begin(server, host, port);
  const { address, port: bound, family } = server.address() as AddressInfo;
  return {
    url: `http://${family === "IPv6" ? `[${address}]` : address}:${bound}`,
    close: () => end(server, app, options.clock ?? systemClock),
  };
}

/** Throws `LO_HTTP_OPEN` or `LO_HTTP_LISTEN` where the app cannot be served at this address. */
export function checkOpen({ guarded }: Pick<App, "guarded">, listen: Listen): { readonly host: string; readonly port: number } {
  const { host, port } = partsOf(listen);
  if (guarded || isLoopback(host)) return { host, port };
  throw new LightsoutError("LO_HTTP_OPEN", `${host}:${port} can be reached by others, and no tokens are configured`, {
    hint: "Create one with `lightsout token` and put its sha256 into http.tokens, or listen on 127.0.0.1",
  });
}

const begin = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) =>
      reject(
        new LightsoutError("LO_HTTP_PORT", `cannot listen on ${host}:${port} (${error.code ?? error.message})`, {
          hint: error.code === "EADDRINUSE" ? "Another program has the port; is Lightsout running already?" : "Check http.listen",
        }),
      ),
    );
    server.listen({ host, port }, resolve);
  });

async function end(server: Server, app: Pick<App, "endStreams">, clock: Clock): Promise<void> {
  const done = new AbortController();
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  app.endStreams();
  server.closeIdleConnections();
  const late = clock.sleep(graceMs, done.signal).then(
    () => server.closeAllConnections(),
    () => undefined,
  );
  await closed;
  done.abort();
  await late;
}

function partsOf(listen: Listen): { readonly host: string; readonly port: number } {
  if (typeof listen !== "string") return listen;
  const match = /^(?:\[([0-9a-fA-F:]+)\]|([^:\s]+)):(\d{1,5})$/.exec(listen);
  const host = match?.[1] ?? match?.[2];
  if (host !== undefined && Number(match?.[3]) <= 65_535) return { host, port: Number(match?.[3]) };
  throw new LightsoutError("LO_HTTP_LISTEN", `"${listen}" is not a host and a port`, {
    hint: "Write it like 127.0.0.1:7480 or [::1]:7480",
  });
}
