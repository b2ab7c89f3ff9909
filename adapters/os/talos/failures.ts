import { Code, ConnectError } from "@connectrpc/connect";
import { DeviceError, type DeviceErrorCode, type Effect, LightsoutError, UnsupportedError } from "#events";
import { PeerError } from "./handshake.ts";

/** What was being done when it failed. */
export interface Attempt {
  readonly machine: string;
  /** As talosctl would call it: `reboot`, `etcd member list`. */
  readonly operation: string;
  /** Whether a request that changes something can have reached the machine. */
  readonly sent: boolean;
}

const hints: Partial<Record<DeviceErrorCode, string>> = {
  LO_TALOS_UNREACHABLE: "Check the machine's address in the inventory and the way to port 50000",
  LO_TALOS_AUTH: "Use a talosconfig of this cluster with the role this call needs (os:admin for what changes a machine)",
  LO_TALOS_CERTIFICATE: "Check that the address belongs to this machine and the talosconfig to its cluster",
};

/** A failure that names itself. `effect` is unknown only where something was sent. */
export function talosError(attempt: Attempt, code: DeviceErrorCode, why: string, hint = hints[code], cause?: unknown): DeviceError {
  const effect: Effect = attempt.sent ? "unknown" : "none";
  return new DeviceError(code, { target: attempt.machine, operation: attempt.operation, effect }, why, {
    ...(hint === undefined ? {} : { hint }),
    cause,
  });
}

/** Answers with which the machine says that it has done nothing of what was asked. */
const refusals: Partial<Record<Code, DeviceErrorCode>> = {
  [Code.Unauthenticated]: "LO_TALOS_AUTH",
  [Code.PermissionDenied]: "LO_TALOS_AUTH",
  [Code.InvalidArgument]: "LO_TALOS_REFUSED",
  [Code.FailedPrecondition]: "LO_TALOS_REFUSED",
  [Code.NotFound]: "LO_TALOS_REFUSED",
  [Code.AlreadyExists]: "LO_TALOS_REFUSED",
};

/** Answers that tell of a bad moment, not of a bad request. */
const passing = [Code.Unavailable, Code.ResourceExhausted, Code.Aborted, Code.Canceled];

const answers = new WeakMap<LightsoutError, { readonly code: Code; readonly message: string }>();

/** The status with which the machine itself answered, if `error` is such an answer. */
export function answerOf(error: unknown): { readonly code: Code; readonly message: string } | undefined {
  return typeof error === "object" && error !== null ? answers.get(error as LightsoutError) : undefined;
}

/** A thrown value of a call as what decides: code and effect. One that already says what it is goes through as it is. */
export function asTalosError(attempt: Attempt, error: unknown): Error {
  if (error instanceof DeviceError || error instanceof UnsupportedError) return error;
  const nothing = { ...attempt, sent: false };
  if (error instanceof PeerError) return talosError(nothing, "LO_TALOS_CERTIFICATE", error.message, error.hint);
  // A talosconfig that was replaced by one that cannot be read.
  if (error instanceof LightsoutError) return talosError(nothing, "LO_TALOS_AUTH", error.message, error.hint);
  if (!(error instanceof ConnectError)) return brokenError(attempt, error);
  // Without a status of its own it was made on our side: of a broken connection or of an answer that makes no sense.
  if (!error.metadata.has("grpc-status")) {
    const connection = [Code.Unavailable, Code.Canceled, Code.Aborted].includes(error.code) || nodeCode(error) !== undefined;
    if (connection) return brokenError(attempt, error);
    return talosError(
      attempt,
      "LO_TALOS_PROTOCOL",
      `the answer makes no sense: ${shorten(error.rawMessage)}`,
      "Check that Talos listens on this port and no proxy answers for it",
      error,
    );
  }
  return answered(attempt, error.code, error.rawMessage);
}

/** The status of an answer, also where an apid that forwarded the call has wrapped it into the message. */
function answered(attempt: Attempt, code: Code, message: string): Error {
  const said = `${Code[code] ?? code}${message ? `: ${shorten(message)}` : ""}`;
  const made = (): LightsoutError => {
    if (code === Code.Unimplemented) return new UnsupportedError(attempt.machine, attempt.operation, `the machine answered ${said}`);
    const refused = refusals[code];
    if (refused) return talosError({ ...attempt, sent: false }, refused, `the machine answered ${said}`);
    if (code === Code.DeadlineExceeded) return talosError(attempt, "LO_TALOS_TIMEOUT", `the machine answered ${said}`);
    if (passing.includes(code)) return talosError(attempt, "LO_TALOS_UNREACHABLE", `the machine answered ${said}`);
    // Talos reports most of its own failures as Unknown or Internal, whatever had been done until then.
    return talosError(attempt, "LO_TALOS_REFUSED", `the machine answered ${said}`);
  };
  const error = made();
  answers.set(error, { code, message });
  return error;
}

/** Alerts by which a TLS server says that it does not accept the client's certificate. OpenSSL's name follows the last `ALERT_`. */
const certificateAlert = /_ALERT_((?:NO|BAD|UNSUPPORTED|UNKNOWN)_(?:CERTIFICATE|CA)|CERTIFICATE_\w+|ACCESS_DENIED|DECRYPT_ERROR)$/;

/**
 * A connection that did not come about or ended. A peer that refuses our certificate ends it with a TLS alert, which TLS 1.3
 * delivers after the handshake: that is about us, it will not pass, and the server has read nothing.
 */
function brokenError(attempt: Attempt, error: unknown): DeviceError {
  const code = nodeCode(error);
  const why = [code, error instanceof ConnectError ? error.rawMessage : error instanceof Error ? error.message : String(error)];
  const said = shorten([...new Set(why.filter(Boolean))].join(" "));
  const alert = certificateAlert
    .exec(code ?? "")?.[1]
    ?.replaceAll("_", " ")
    .toLowerCase();
  if (alert)
    return talosError({ ...attempt, sent: false }, "LO_TALOS_AUTH", `the machine refused our certificate: ${alert}`, undefined, error);
  return talosError(
    attempt,
    "LO_TALOS_UNREACHABLE",
    attempt.sent ? `the connection ended before the answer: ${said}` : said,
    undefined,
    error,
  );
}

function nodeCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 5; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === "string") return code;
    at = cause;
  }
  return undefined;
}

const shorten = (text: string) => text.replaceAll(/\s+/g, " ").trim().slice(0, 300);
