import { expect, onTestFinished, vi } from "vitest";
import type { Capability, Power } from "#adapters/power/port.ts";
import { type ActVerb, LightsoutError, type Permit } from "#events";
import type { Host, HostAction } from "#test/lab/host.ts";

/** One machine behind a BMC of any kind, as far as any BMC shows it, and the client under test. */
export interface PowerRig {
  /** Expects the machine that is there. */
  readonly power: Power;
  /** Who the BMC says the machine is; a `serial` only where it tells one. */
  readonly identity: { readonly uuid: string; readonly serial?: string };
  /** Another client of the same BMC, which expects this machine behind it. */
  expecting(identity: { uuid?: string; serial?: string }): Power;
  /** A fresh permit for this machine. */
  permit(verb: ActVerb): Permit;
  /** Power requests that the BMC has executed so far, oldest first. */
  pressed(): HostAction[];
  /** From now on the BMC answers nobody. */
  silence(): void;
  close(): Promise<void>;
}

/** Where a BMC departs from its standard, and how. The client then owes a typed refusal, or a word about it in its receipt. */
export interface Differences {
  /**
   * `unmarked`: keeps the target but not the bit that makes it valid. `every-start`: knows no override for one start only. `kept`: no
   * firmware is behind it that would take the override out of force.
   */
  readonly bootOnce?: "unmarked" | "every-start" | "kept";
  /** No operating system is behind it that would hear a graceful off. */
  readonly deaf?: true;
  /** The protocol has them, this BMC has not, and only trying shows it. */
  readonly lacks?: readonly Capability[];
}

/** Makes a rig whose machine is settled in this state. Its client's timeouts are short enough for a silent BMC. */
export type MakeRig = (state: "on" | "off") => Promise<PowerRig>;

/** A rig for one test, closed when it ends. */
export async function use(make: MakeRig, state: "on" | "off" = "on"): Promise<PowerRig> {
  const rig = await make(state);
  onTestFinished(() => rig.close());
  return rig;
}

/** A rig whose machine is simulated, so that everything can go wrong with it. */
export interface SimulatedRig extends PowerRig {
  readonly host: Host;
}

/** What is left of a rig when the simulated `host` has told the rest. */
export function simulated(host: Host, client: Pick<PowerRig, "power" | "expecting" | "permit" | "close">): SimulatedRig {
  const pressed: HostAction[] = [];
  const real = host.press;
  host.press = (action, via) => {
    if (via !== "finger") pressed.push(action);
    return real(action, via);
  };
  return {
    ...client,
    host,
    identity: host.identity,
    pressed: () => [...pressed],
    silence() {
      host.faults.bmcDead = true;
    },
  };
}

/** Waits until `check` no longer throws, for as long as a machine takes to go on or off. */
export const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 5 });

/** Waits until the BMC says that the machine is in this state. */
export const reads = (power: Power, state: "on" | "off") => eventually(async () => expect((await power.state()).state).toBe(state));

/** The stable code of an error of ours. */
export const codeOf = (error: unknown): string | undefined => (error instanceof LightsoutError ? error.code : undefined);

/** What `work` is rejected with. */
export function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
