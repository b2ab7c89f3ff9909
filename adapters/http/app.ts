import { type Context, Hono } from "hono";
import { type Clock, LightsoutError, type RuntimeLog, systemClock } from "#events";
import { createDoorkeeper, demand, type Token, type Who } from "./auth.ts";
import { fields, readJson } from "./body.ts";
import { within } from "./deadline.ts";
import { createDocument } from "./openapi/document.ts";
import type { Desk } from "./port.ts";
import { ProblemError, problemResponse, statusOf } from "./problem.ts";
import { readQuery } from "./query.ts";
import { guardLoopback } from "./rebinding.ts";
import type { Way } from "./route.ts";
import { routes } from "./routes/mod.ts";
import { createStreams } from "./stream.ts";

/** How the API behaves. */
export interface AppOptions {
  /** Without any, everybody is `local` and may do everything, and only loopback is served. */
  readonly tokens: readonly Token[];
  /** Default 256 KiB. */
  readonly bodyLimitBytes?: number;
  /** Default 30 000. */
  readonly requestTimeoutMs?: number;
  /** Default 15 000: how often a silent stream shows that it lives. */
  readonly heartbeatMs?: number;
  readonly log?: Pick<RuntimeLog, "note">;
  /** Default the machine's own: its callers live in real time, even beside a lab whose clock runs fast. */
  readonly clock?: Clock;
  /** The wall clock that the runtime ends holds by; default the clock above. */
  readonly now?: () => number;
}

/** The API, ready to be served. */
export interface App extends Hono {
  /** Whether it asks for tokens. Without, `serveHttp` takes loopback addresses only. */
  readonly guarded: boolean;
  /** What is said of every route. */
  readonly ways: readonly Way[];
  /** Ends every open stream, so that a server can stop. */
  endStreams(): void;
}

/** The HTTP API over a desk. Every error is `application/problem+json` with a code; nothing it is sent makes it fail inside. */
export function createApp(desk: Desk, options: AppOptions): App {
  const { clock = systemClock, log, tokens } = options;
  const streams = createStreams({ clock, heartbeatMs: options.heartbeatMs ?? 15_000 });
  const app = new Hono();
  let document: object | undefined;
  const shared = {
    desk,
    streams,
    clock,
    now: options.now ?? clock.now,
    document: () => {
      document ??= createDocument(routes, desk);
      return document;
    },
  };

  app.use(async (c, next) => {
    if (tokens.length === 0) guardLoopback(c.req.header("host") ?? new URL(c.req.url).host, c.req.header("origin") ?? null);
    await next();
    c.res.headers.set("x-content-type-options", "nosniff");
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  });
  const limits = { body: options.bodyLimitBytes ?? 256 * 1024, ms: options.requestTimeoutMs ?? 30_000 };
  const whoIs = createDoorkeeper(tokens);
  for (const way of routes) {
    app.on(way.method, way.path, async (c) => {
      // Who asks is settled first; only then is anything of the request looked at.
      const who = admit(c, way, whoIs);
      const query = readQuery(way, c.req.queries());
      const audit = (status: number) => {
        if (way.method !== "GET") log?.note("info", `${who.name}: ${way.method} ${new URL(c.req.url).pathname}: ${status}`);
      };
      const handled = async () => {
        const body = way.body && fields(way.body, await readJson(c.req.raw, limits.body));
        const { method, raw } = c.req;
        return way.handle({ ...shared, who, method, headers: raw.headers, param: (name) => c.req.param(name) ?? "", query, body });
      };
      try {
        const reply = await within(clock, limits.ms, handled(), (late) => void late.body?.cancel());
        audit(reply.status);
        return reply;
      } catch (thrown) {
        audit(statusOf(thrown));
        // Hono hands only Error objects to onError.
        throw thrown instanceof Error ? thrown : new Error(String(thrown));
      }
    });
  }
  for (const path of new Set(routes.map((way) => way.path))) app.all(path, (c) => notAllowed(c, path));
  app.notFound((c) => {
    const hint = "GET /openapi.json and docs/reference.md list the paths";
    return problemResponse(new ProblemError(404, "LO_HTTP_PATH", `There is nothing at ${c.req.path}`, { hint }));
  });
  app.onError((error, c) => {
    if (statusOf(error) === 500) log?.note("error", `${c.req.method} ${c.req.path} failed: ${error.stack ?? error.message}`);
    return problemResponse(error instanceof LightsoutError ? error : undefined);
  });
  return Object.assign(app, { guarded: tokens.length > 0, ways: routes, endStreams: () => streams.end() });
}

function admit(c: Context, way: Way, whoIs: ReturnType<typeof createDoorkeeper>): Who {
  if (way.needs === "nobody") return { name: "nobody", role: "viewer" };
  const who = whoIs(c.req.header("authorization") ?? null);
  demand(who, way.needs, `${way.method} ${way.path}`);
  return who;
}

function notAllowed(c: Context, path: string): Response {
  const methods = routes.filter((way) => way.path === path).map((way) => way.method);
  const allow = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
  throw new ProblemError(405, "LO_HTTP_METHOD", `${c.req.method} is not for ${c.req.path}`, { hint: `Use ${allow}`, headers: { allow } });
}
