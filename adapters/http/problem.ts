import { STATUS_CODES } from "node:http";
import { LightsoutError, RefusedError } from "#events";

/** A failure that knows its HTTP status. */
export class ProblemError extends LightsoutError {
  override readonly name = "ProblemError";
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  constructor(status: number, code: string, detail: string, more: { hint?: string; headers?: Readonly<Record<string, string>> } = {}) {
    super(code, detail, more.hint === undefined ? {} : { hint: more.hint });
    this.status = status;
    this.headers = more.headers ?? {};
  }
}

/** Codes that say whose fault it is. The first that fits counts. */
const statuses: readonly (readonly [RegExp, number])[] = [
  [/^LO_UNKNOWN_|_UNKNOWN$/, 404],
  [/_FORBIDDEN$/, 403],
  [/_INVALID$|^LO_DURATION$/, 422],
  [/_AMBIGUOUS$|^LO_DEAD_UNUSABLE$/, 409],
  [/^LO_STORE_TOO_BIG$/, 413],
  [/^LO_(REFUSED|UNSUPPORTED|DENIED|NOT_CONFIGURED|NOT_DECLARED|MACHINE_CONFIG|CONFIG_PATCH|DNSMASQ)$/, 409],
  [/^LO_STORE_FULL$/, 507],
  [/^LO_(STORE|CONTENTION)/, 503],
  [/^LO_(BMC|TALOS)_TIMEOUT$/, 504],
  [/^LO_((BMC|CLUSTER|TALOS)_|SNAPSHOT$)/, 502],
];

/** The HTTP status of an error; 500 for what nobody foresaw. */
export function statusOf(error: unknown): number {
  if (error instanceof ProblemError) return error.status;
  if (!(error instanceof LightsoutError)) return 500;
  const known = statuses.find(([pattern]) => pattern.test(error.code));
  return known?.[1] ?? (error instanceof RefusedError ? 409 : 500);
}

/** A problem as it is written out. */
interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly text: string;
}

/**
 * An error as `application/problem+json` (RFC 9457) with `code`, `detail` and `hint`. What was not thrown on purpose shows
 * nothing of the inside; its details belong in the log.
 */
export function problemOf(error: unknown): Problem {
  const status = statusOf(error);
  const known = error instanceof LightsoutError;
  const body = {
    type: `urn:lightsout:problem:${known ? error.code : "LO_HTTP_INTERNAL"}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    code: known ? error.code : "LO_HTTP_INTERNAL",
    detail: known ? error.message : "Something failed inside Lightsout; whether it took effect is not known",
    ...(known
      ? error.hint === undefined
        ? {}
        : { hint: error.hint }
      : { hint: "The log of the server says what; look before trying again" }),
  };
  const headers = error instanceof ProblemError ? error.headers : {};
  return { status, headers: { ...headers, "content-type": "application/problem+json" }, text: JSON.stringify(body) };
}

/** The answer to a request that failed so. */
export function problemResponse(error: unknown): Response {
  const { headers, status, text } = problemOf(error);
  return new Response(text, { status, headers });
}
