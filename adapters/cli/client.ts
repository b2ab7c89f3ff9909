import { Failure } from "./failure.ts";
import { readEvents, type Sent } from "./sse.ts";

/** The HTTP API as commands use it. Every failure is a `Failure` that says what to do next. */
export interface Client {
  readonly url: string;
  get<Answer>(path: string): Promise<Answer>;
  post<Answer>(path: string, body?: unknown): Promise<Answer>;
  remove<Answer>(path: string, body?: unknown): Promise<Answer>;
  /** A stream of server-sent events from after `lastId` on; ends when the server ends it or the connection breaks. */
  events(path: string, lastId: string): AsyncIterable<Sent>;
}

const patienceMs = 40_000;

/** One segment of a path. */
export const segment = (text: string): string => encodeURIComponent(text.toWellFormed());

/** @param options.token never shown */
export function createClient(options: { url: string; token: string | undefined }): Client {
  const base = checkUrl(options.url);
  const auth = options.token === undefined ? {} : { authorization: `Bearer ${checkToken(options.token)}` };

  const send = async (method: string, path: string, init: { body?: unknown; headers?: Record<string, string>; signal?: AbortSignal }) => {
    const content = init.body === undefined ? {} : { "content-type": "application/json" };
    try {
      const reply = await fetch(base + path, {
        method,
        headers: { ...auth, ...content, ...init.headers },
        redirect: "manual",
        ...(init.body === undefined ? {} : { body: JSON.stringify(init.body) }),
        ...(init.signal ? { signal: init.signal } : {}),
      });
      if (!reply.ok) throw refusal(reply.status, await reply.text(), base);
      return reply;
    } catch (error) {
      throw error instanceof Failure ? error : unreachable(base, error, method);
    }
  };
  const call = async (method: string, path: string, body?: unknown) => {
    const reply = await send(method, path, { body, signal: AbortSignal.timeout(patienceMs) });
    const text = await reply.text().catch((error: unknown) => {
      throw unreachable(base, error, method);
    });
    return readAnswer(text, base) as never;
  };

  return {
    url: base,
    get: (path) => call("GET", path),
    post: (path, body) => call("POST", path, body),
    remove: (path, body) => call("DELETE", path, body),
    async *events(path, lastId) {
      const reply = await send("GET", path, { headers: lastId === "" ? {} : { "last-event-id": lastId } });
      try {
        if (reply.body) yield* readEvents(reply.body);
      } catch {
        // The connection broke: whoever follows asks again from the last id.
      }
    },
  };
}

function checkUrl(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol) && parsed.username + parsed.password === "")
    return parsed.origin + parsed.pathname.replace(/\/+$/, "");
  if (parsed?.username || parsed?.password) {
    throw new Failure("usage", "A URL with a user or a password is not read", { hint: "Give a token in LIGHTSOUT_TOKEN instead" });
  }
  throw new Failure("usage", `"${url}" is not the URL of a Lightsout`, {
    hint: "Write it like http://127.0.0.1:7480, in --url or LIGHTSOUT_URL",
  });
}

function checkToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new Failure("usage", "The token is empty or holds spaces or line breaks", {
    hint: "Give it in LIGHTSOUT_TOKEN exactly as `lightsout token` printed it",
  });
}

function readAnswer(text: string, base: string): unknown {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === "object" && answer !== null) return answer;
  } catch {
    // Said below.
  }
  throw new Failure("failed", `What answers at ${base} is not Lightsout`, { hint: "Check --url or LIGHTSOUT_URL" });
}

function refusal(status: number, text: string, base: string): Failure {
  let problem: { code?: unknown; detail?: unknown; hint?: unknown } = {};
  try {
    problem = (JSON.parse(text) as typeof problem | null) ?? {};
  } catch {
    // Not ours: a proxy, or another program.
  }
  // An event that nobody may send is forbidden too, but no token helps it.
  const token = status === 401 || (status === 403 && (problem.code === "LO_HTTP_FORBIDDEN" || typeof problem.code !== "string"));
  const exit = token ? "unauthorised" : "failed";
  if (typeof problem.code !== "string" || typeof problem.detail !== "string") {
    return new Failure(exit, `${base} answered ${status}, and not as Lightsout does`, { hint: "Check --url or LIGHTSOUT_URL" });
  }
  const hint = status === 401 ? "Give a token in LIGHTSOUT_TOKEN or --token" : problem.hint;
  return new Failure(exit, problem.detail, { code: problem.code, ...(typeof hint === "string" ? { hint } : {}) });
}

/** What is wrong where no request can have arrived. The first that fits counts. */
const neverSent: readonly (readonly [RegExp, (base: string) => string, string])[] = [
  [
    /^ECONNREFUSED$/,
    (base) => `Nothing answers at ${base}`,
    "Start it with `lightsout serve`, or say where it is with --url or LIGHTSOUT_URL",
  ],
  [/^(ENOTFOUND|EAI_AGAIN)$/, (base) => `No address is known for the host of ${base}`, "Check the name in --url or LIGHTSOUT_URL"],
  [/^connect E(HOST|NET)UNREACH$/, (base) => `There is no way to ${base}`, "Check the address in --url or LIGHTSOUT_URL, and the network"],
  [
    /^(connect ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/,
    (base) => `Nobody took up the connection to ${base}`,
    "Check the address in --url or LIGHTSOUT_URL",
  ],
  [
    /^bad port$/,
    (base) => `No HTTP is spoken on the port of ${base}: it is reserved for another protocol`,
    "Check the port in --url or LIGHTSOUT_URL; Lightsout's own is 7480",
  ],
  [/CERT|SELF_SIGNED|UNABLE_TO_/, (base) => `The certificate of ${base} is not trusted`, "Give its authority in NODE_EXTRA_CA_CERTS"],
  [
    /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/,
    (base) => `What answers at ${base} does not speak TLS`,
    "Write http:// where there is no TLS",
  ],
];

function unreachable(base: string, error: unknown, method: string): Failure {
  const beneath = error instanceof Error ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
  const cause = beneath?.code ?? beneath?.message ?? (error instanceof Error ? error.name : "");
  // Some codes also end connections that stood, and then a request may have arrived.
  const connecting = beneath?.syscall === "connect" ? `connect ${cause}` : cause;
  const known = neverSent.find(([pattern]) => pattern.test(cause) || pattern.test(connecting));
  if (known) return new Failure("unreachable", `${known[1](base)} (${cause})`, { hint: known[2] });
  const late = cause === "TimeoutError" ? `did not answer within ${patienceMs / 1000} s` : `broke off (${cause})`;
  const changed = method === "GET" ? "Try again" : "It may have taken effect: look at `lightsout runs` before trying again";
  return new Failure("unreachable", `Lightsout at ${base} ${late}`, { hint: changed });
}
