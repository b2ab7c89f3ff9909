/**
 * The error tree. Every failure carries a stable `code`, and where there is one, a `hint`: the next thing to do.
 * Expected states (already off, timed out waiting) are values, not errors.
 */

export interface ErrorDetails {
  readonly hint?: string;
  readonly cause?: unknown;
}

/** The root of every error Lightsout throws on purpose. `code` is stable; `hint` says what to do next. */
export class LightsoutError extends Error {
  override readonly name: string = "LightsoutError";
  readonly code: string;
  readonly hint: string | undefined;
  constructor(code: string, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }
}

/** Thrown by a function to end its run as failed at once: the step is not tried again. */
export class TerminalError extends LightsoutError {
  override readonly name = "TerminalError";
  constructor(message: string, details: ErrorDetails = {}) {
    super("LO_TERMINAL", message, details);
  }
}

/** A guard, a ledger entry or a capability refused an act. Nothing was done. */
export class RefusedError extends LightsoutError {
  override readonly name: string = "RefusedError";
  constructor(message: string, details: ErrorDetails & { code?: string } = {}) {
    super(details.code ?? "LO_REFUSED", message, details);
  }
}

/** A machine lacks what was asked of it (for example: Wake-on-LAN cannot power off). A typed refusal; nothing was sent. */
export class UnsupportedError extends RefusedError {
  override readonly name = "UnsupportedError";
  readonly capability: string;
  constructor(machine: string, capability: string, why: string, details: ErrorDetails = {}) {
    super(`${machine}: ${capability} is not available: ${why}`, { ...details, code: "LO_UNSUPPORTED" });
    this.capability = capability;
  }
}

/** A person said no, or nobody answered in time. */
export class DeniedError extends LightsoutError {
  override readonly name = "DeniedError";
  constructor(message: string, details: ErrorDetails = {}) {
    super("LO_DENIED", message, details);
  }
}

/** Whether a failed request can have changed the device: `none` = it certainly did not, `unknown` = it may have. */
export type Effect = "none" | "unknown";

export type DeviceErrorCode =
  | "LO_BMC_UNREACHABLE"
  | "LO_BMC_TIMEOUT"
  | "LO_BMC_AUTH"
  | "LO_BMC_LOCKED"
  | "LO_BMC_CERTIFICATE"
  | "LO_BMC_BUSY"
  | "LO_BMC_REFUSED"
  | "LO_BMC_PROTOCOL"
  | "LO_BMC_IDENTITY"
  | "LO_CLUSTER_UNREACHABLE"
  | "LO_CLUSTER_REFUSED"
  | "LO_CLUSTER_PROTOCOL"
  | "LO_TALOS_UNREACHABLE"
  | "LO_TALOS_TIMEOUT"
  | "LO_TALOS_AUTH"
  | "LO_TALOS_CERTIFICATE"
  | "LO_TALOS_REFUSED"
  | "LO_TALOS_PROTOCOL"
  | "LO_TALOS_IDENTITY"
  | "LO_SNAPSHOT"
  | "LO_GATE_CLOSED";

/** A device or an API failed. `effect` is the only thing an act may decide a retry on. */
export class DeviceError extends LightsoutError {
  override readonly name: string = "DeviceError";
  readonly effect: Effect;
  readonly target: string;
  readonly operation: string;
  constructor(
    code: DeviceErrorCode,
    about: { target: string; operation: string; effect: Effect },
    message: string,
    details: ErrorDetails = {},
  ) {
    super(code, `${about.target}: ${about.operation}: ${message}`, details);
    this.effect = about.effect;
    this.target = about.target;
    this.operation = about.operation;
  }
}

/** The time for performing an act was over before anything was sent. Nothing reached the device. */
export class GateClosedError extends DeviceError {
  override readonly name = "GateClosedError";
  constructor(machine: string, verb: string, why: string) {
    super("LO_GATE_CLOSED", { target: machine, operation: verb, effect: "none" }, why);
  }
}

/** The effect of any thrown value: a DeviceError says so itself, a refusal has none, everything else is unknown. */
export function effectOf(error: unknown): Effect {
  if (error instanceof DeviceError) return error.effect;
  return error instanceof RefusedError ? "none" : "unknown";
}

/** A thrown value as one line for a person: code, message and hint. */
export function explain(error: unknown): string {
  if (error instanceof LightsoutError) return error.hint === undefined ? error.message : `${error.message}. ${error.hint}`;
  return error instanceof Error ? error.message : String(error);
}
