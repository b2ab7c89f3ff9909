import { type Clock, DeviceError } from "#events";
import type { Governor } from "../governor.ts";
import type { Auth } from "./auth.ts";
import { type Fields, pathWithin } from "./fields.ts";
import { brokeOff, type Http } from "./http.ts";
import { accepted, objectOf, type Reply } from "./reply.ts";

/** A request that changes something. `gate` is the permit's: it runs immediately before anything is written. */
interface Change {
  readonly method: "POST" | "PATCH";
  readonly path: string;
  readonly body: Fields;
  readonly headers?: Readonly<Record<string, string>>;
  readonly gate?: (() => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Logged-in requests to one BMC, one at a time. */
export interface Client {
  /** The resource as JSON. Repeats itself once after a broken connection and once after an ended session; waits where the BMC says so. */
  get(path: string, signal?: AbortSignal): Promise<{ body: Fields; reply: Reply }>;
  /** Like `get`, for task monitors: any 2xx with any body. */
  poll(path: string, signal?: AbortSignal): Promise<Reply>;
  /** Sends exactly one request and gives back the answer, whatever its status: never repeated, redirected or logged in anew. */
  change(change: Change): Promise<Reply>;
  close(): Promise<void>;
}

/** Longest that one `Retry-After` is honoured, in milliseconds, and how often. */
const longestWaitMs = 30_000;
const waits = 3;

/** Binds a connection, the shared session and the BMC's governor together. */
export function createClient(options: { machine: string; http: Http; auth: Auth; governor: Governor; clock: Clock }): Client {
  const { machine, http, auth, governor, clock } = options;

  const poll = async (path: string, signal?: AbortSignal): Promise<Reply> => {
    const operation = `GET ${path}`;
    let where = path;
    const left = { login: 1, reset: 1, redirects: 3, waits };
    for (;;) {
      const headers = await auth.headers(http, signal);
      let reply: Reply;
      try {
        reply = await governor.turn(operation, () => http.exchange({ method: "GET", path: where, headers, signal }));
      } catch (error) {
        if (!brokeOff(error) || left.reset === 0) throw error;
        left.reset -= 1;
        continue;
      }
      const target = redirect(reply, http.origin, machine, operation);
      const wait = [429, 503].includes(reply.status) ? retryAfter(reply, clock) : undefined;
      if (reply.status === 401 && auth.rejected(headers) && left.login > 0) left.login -= 1;
      else if (target !== undefined && left.redirects > 0) {
        left.redirects -= 1;
        where = target;
      } else if (wait !== undefined && left.waits > 0) {
        left.waits -= 1;
        await pause(wait, operation, signal);
      } else return accepted(reply, { target: machine, operation, changes: false });
    }
  };

  const pause = async (ms: number, operation: string, signal?: AbortSignal) => {
    try {
      await clock.sleep(ms, signal);
    } catch (cause) {
      throw new DeviceError("LO_BMC_TIMEOUT", { target: machine, operation, effect: "none" }, "the time was over while the BMC was busy", {
        cause,
      });
    }
  };

  return {
    async get(path, signal) {
      const reply = await poll(path, signal);
      return { body: objectOf(reply, { target: machine, operation: `GET ${path}` }), reply };
    },
    poll,
    async change({ headers, ...request }) {
      const proof = await auth.headers(http, request.signal);
      const reply = await governor.turn(`${request.method} ${request.path}`, () =>
        http.exchange({ ...request, headers: { ...proof, ...headers }, changes: true }),
      );
      if (reply.status === 401) auth.rejected(proof);
      return reply;
    },
    close: () => http.close(),
  };
}

/** A resource that may be linked but not there: empty where the BMC refuses it. Errors of the network stay errors. */
export async function optional(client: Client, path: string, signal?: AbortSignal): Promise<Fields> {
  try {
    return (await client.get(path, signal)).body;
  } catch (error) {
    if (error instanceof DeviceError && (error.code === "LO_BMC_REFUSED" || error.code === "LO_BMC_PROTOCOL")) return {};
    throw error;
  }
}

/** The path that a read is redirected to; throws where that is another origin, for our credentials stay here. */
function redirect(reply: Reply, origin: string, machine: string, operation: string): string | undefined {
  if (![301, 302, 307, 308].includes(reply.status)) return undefined;
  const target = reply.header("location") ?? "";
  const here = pathWithin(origin, target);
  if (here !== undefined) return here;
  throw new DeviceError(
    "LO_BMC_PROTOCOL",
    { target: machine, operation, effect: "none" },
    `redirects to ${target.slice(0, 200) || "nowhere"}`,
    {
      hint: "Redirects to another origin are not followed; set the BMC's address to where it answers itself",
    },
  );
}

/** Milliseconds until the BMC wants to be asked again, at most 30 s; `undefined` where it does not say. */
export function retryAfter(reply: Reply, clock: Clock): number | undefined {
  const said = reply.header("retry-after")?.trim();
  if (!said) return undefined;
  const ms = /^\d+$/.test(said) ? Number(said) * 1000 : Date.parse(said) - clock.now();
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), longestWaitMs) : undefined;
}
