import { GateClosedError, LightsoutError } from "../errors.ts";

/**
 * What can be done to a machine. `power-off` is the graceful request, `force-off` cuts the power; `os-…` are asked of the operating
 * system, `os-reset` wipes. `configure` hands a machine in maintenance its first configuration. `approve-serving` and `settle-node` touch
 * the machine's papers in the cluster alone.
 */
export type ActVerb =
  | "power-on"
  | "power-off"
  | "force-off"
  | "reset"
  | "boot-once"
  | "reset-controller"
  | "cordon"
  | "taint-out-of-service"
  | "os-reboot"
  | "os-shutdown"
  | "os-reset"
  | "apply-config"
  | "configure"
  | "bootstrap"
  | "upgrade"
  | "rollback"
  | "etcd-remove-member"
  | "approve-serving"
  | "settle-node";

/**
 * The right to perform one act once. Only `step.act` mints one, after the guards agreed and the intent was
 * journaled; actuating ports refuse to work without it (`admit`).
 */
export interface Permit {
  readonly run: string;
  readonly step: string;
  readonly attempt: number;
  readonly machine: string;
  readonly verb: ActVerb;
  /**
   * The gate. Call it synchronously, immediately before the one effectful write: throws `GateClosedError`
   * (effect none) when the time for performing is over or the process was stopped in between. May be called again
   * before a permitted retransmission of an idempotent request.
   */
  gate(): void;
  /** Aborts at the act's hard timeout. */
  readonly signal: AbortSignal;
}

const minted = new WeakSet<Permit>();
const admitted = new WeakSet<Permit>();

/** For the runtime alone: makes a permit that `admit` accepts once. */
export function mintPermit(permit: Permit): Permit {
  minted.add(permit);
  return permit;
}

/**
 * For actuating ports, first thing in every actuating method: throws unless `permit` was minted by the runtime, is for
 * this machine and one of these verbs, and was not used before.
 */
export function admit(permit: Permit, machine: string, ...verbs: ActVerb[]): void {
  const refuse = (why: string): never => {
    throw new LightsoutError("LO_PERMIT", `${machine}: ${verbs.join("/")} refused: ${why}`, {
      hint: "Actuating calls belong inside step.act, which mints the permit",
    });
  };
  if (typeof permit !== "object" || permit === null || !minted.has(permit)) refuse("no permit");
  if (permit.machine !== machine) refuse(`the permit is for ${permit.machine}`);
  if (!verbs.includes(permit.verb)) refuse(`the permit is for ${permit.verb}`);
  if (admitted.has(permit)) refuse("the permit was used already");
  admitted.add(permit);
  if (permit.signal.aborted) throw new GateClosedError(machine, permit.verb, "the act's time was over before it began");
}
