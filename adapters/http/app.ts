import { type Context, Hono } from "hono";
import { type Clock, LightsoutError, type RuntimeLog, systemClock } from "#events";
import { createDoorkeeper, demand, type Token } from "./auth.ts";
import { readJson } from "./body.ts";
import { within } from "./deadline.ts";
import type { Desk } from "./port.ts";
import { ProblemError, problemResponse, statusOf } from "./problem.ts";
import { guardLoopback } from "./rebinding.ts";
import type { Ask, Route } from "./route.ts";
import { attestationRoutes } from "./routes/attestation.ts";
import { configRoutes } from "./routes/config.ts";
import { deadRoutes } from "./routes/dead.ts";
import { eventRoutes } from "./routes/events.ts";
import { freezeRoutes } from "./routes/freeze.ts";
import { healthRoutes } from "./routes/health.ts";
import { holdRoutes } from "./routes/holds.ts";
import { identifyRoutes } from "./routes/identify.ts";
import { machineRoutes } from "./routes/machines.ts";
import { netbootRoutes } from "./routes/netboot.ts";
import { questionRoutes } from "./routes/questions.ts";
import { runRoutes } from "./routes/runs.ts";
import { shadowRoutes } from "./routes/shadow.ts";
import { snapshotRoutes } from "./routes/snapshots.ts";
import { trustRoutes } from "./routes/trust.ts";
import { createStreams, type Streams } from "./stream.ts";

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
  /** Method, path and least role of every route. */
  readonly ways: readonly Pick<Route, "method" | "path" | "needs">[];
  /** Ends every open stream, so that a server can stop. */
  endStreams(): void;
}

/** The HTTP API over a desk. Every error is `application/problem+json` with a code; nothing it is sent makes it fail inside. */
export function createApp(desk: Desk, options: AppOptions): App {
  const { clock = systemClock, log, tokens } = options;
  const streams = createStreams({ clock, heartbeatMs: options.heartbeatMs ?? 15_000 });
  const ways = allRoutes(desk, streams, clock, options.now ?? clock.now);
  const app = new Hono();

  app.use(async (c, next) => {
    if (tokens.length === 0) guardLoopback(c.req.header("host") ?? new URL(c.req.url).host, c.req.header("origin") ?? null);
    await next();
    c.res.headers.set("x-content-type-options", "nosniff");
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
  });
  const limits = { body: options.bodyLimitBytes ?? 256 * 1024, ms: options.requestTimeoutMs ?? 30_000 };
  const whoIs = createDoorkeeper(tokens);
  for (const way of ways) {
    app.on(way.method, way.path, async (c) => {
      const ask = createAsk(c, way, whoIs, limits.body);
      const audit = (status: number) => {
        if (way.method !== "GET") log?.note("info", `${ask.who.name}: ${way.method} ${new URL(c.req.url).pathname}: ${status}`);
      };
      try {
        const reply = await within(clock, limits.ms, way.handle(ask), (late) => void late.body?.cancel());
        audit(reply.status);
        return reply;
      } catch (thrown) {
        audit(statusOf(thrown));
        // Hono hands only Error objects to onError.
        throw thrown instanceof Error ? thrown : new Error(String(thrown));
      }
    });
  }
  for (const path of new Set(ways.map((way) => way.path))) app.all(path, (c) => notAllowed(c, ways, path));
  app.notFound((c) => {
    const hint = "The API is under /v1; docs/reference.md lists the paths";
    return problemResponse(new ProblemError(404, "LO_HTTP_PATH", `There is nothing at ${c.req.path}`, { hint }));
  });
  app.onError((error, c) => {
    if (statusOf(error) === 500) log?.note("error", `${c.req.method} ${c.req.path} failed: ${error.stack ?? error.message}`);
    return problemResponse(error instanceof LightsoutError ? error : undefined);
  });
  return Object.assign(app, { guarded: tokens.length > 0, ways, endStreams: () => streams.end() });
}

const allRoutes = (desk: Desk, streams: Streams, clock: Clock, now: () => number): readonly Route[] => [
  ...eventRoutes(desk),
  ...runRoutes(desk, streams),
  ...questionRoutes(desk),
  ...machineRoutes(desk),
  ...identifyRoutes(desk),
  ...attestationRoutes(desk, now),
  ...configRoutes(desk),
  ...netbootRoutes(desk),
  ...snapshotRoutes(desk),
  ...holdRoutes(desk, now),
  ...freezeRoutes(desk, clock),
  ...trustRoutes(desk),
  ...shadowRoutes(desk),
  ...deadRoutes(desk),
  ...healthRoutes(desk),
];

/** Who asks is settled first; only then is anything of the request looked at. */
function createAsk(c: Context, way: Route, whoIs: ReturnType<typeof createDoorkeeper>, bodyLimit: number): Ask {
  const nobody = { name: "nobody", role: "viewer" } as const;
  const who = way.needs === "nobody" ? nobody : whoIs(c.req.header("authorization") ?? null);
  if (way.needs !== "nobody") demand(who, way.needs, `${way.method} ${way.path}`);
  const query = c.req.queries();
  for (const [name, values] of Object.entries(query)) {
    if (way.query?.includes(name) && values.length === 1) continue;
    const what = way.query?.includes(name) ? `${name} is given ${values.length} times` : `${name} is not a query of ${way.path}`;
    throw new ProblemError(400, "LO_HTTP_QUERY", what, { hint: way.query ? `It has: ${way.query.join(", ")}` : "It has none" });
  }
  return {
    who,
    method: c.req.method,
    headers: c.req.raw.headers,
    param: (name) => c.req.param(name) ?? "",
    query: Object.fromEntries(Object.entries(query).map(([name, values]) => [name, values[0] ?? ""])),
    json: () => readJson(c.req.raw, bodyLimit),
  };
}

function notAllowed(c: Context, ways: readonly Route[], path: string): Response {
  const methods = ways.filter((way) => way.path === path).map((way) => way.method);
  const allow = methods.flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])).join(", ");
  throw new ProblemError(405, "LO_HTTP_METHOD", `${c.req.method} is not for ${c.req.path}`, { hint: `Use ${allow}`, headers: { allow } });
}
