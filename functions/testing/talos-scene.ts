import type { SequenceEnd, SystemInformation, TalosReceipt } from "#adapters/os/port.ts";
import { type ActVerb, admit, DeviceError, type DeviceErrorCode, type Effect, type Permit } from "#events";
import type { Surroundings } from "./boot.ts";
import type { FakeMachine } from "./machine.ts";

interface ActHow {
  /** Default `running`. */
  readonly from?: "running" | "maintenance";
  /** Another machine that this one is asked to do something to: the permit is for that one. */
  readonly about?: string;
}

/** What a Talos port of the fake world is made with. */
export interface TalosScene {
  readonly machine: FakeMachine;
  readonly around: Surroundings;
  readonly sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** All machines, for who has discovered whom. */
  readonly machines: () => readonly FakeMachine[];
  /** A read: throws as the real port does while nobody answers. */
  read<T>(operation: string, work: () => T, from?: "running" | "maintenance"): Promise<T>;
  /** An act: admitted, sent to the right machine, through the gate, done, and answered unless the answer is lost. */
  act<T>(permit: Permit, verb: ActVerb, work: () => T, how?: ActHow): Promise<T>;
  /** Who it says it is. */
  who(): SystemInformation;
  /** How the sequence of an acknowledgement ends. */
  endOf(actor: string): SequenceEnd | undefined;
  fail(operation: string, code: DeviceErrorCode, effect: Effect, why: string): DeviceError;
  /** Acknowledges a sequence and has it take place. */
  begin(
    sequence: "rebooting" | "shutting-down" | "resetting" | "upgrading",
    ending: "kexec" | "firmware" | "off",
    before?: () => void,
  ): TalosReceipt;
}

/** How calls reach the Talos API of one fake machine, and what its faults make of them. */
export function createTalosScene(options: Pick<TalosScene, "machine" | "around" | "sleep" | "machines">): TalosScene {
  const { machine } = options;
  const { name, facts, system } = machine;
  const { faults } = system;
  const ends = new Map<string, SequenceEnd>();
  const fail: TalosScene["fail"] = (operation, code, effect, why) => new DeviceError(code, { target: name, operation, effect }, why);

  const reach = (operation: string, from: "running" | "maintenance") => {
    const answers = machine.answers();
    if (answers === undefined || faults.silent) throw fail(operation, "LO_TALOS_UNREACHABLE", "none", "no answer in 5s");
    if (faults.foreign) throw fail(operation, "LO_TALOS_CERTIFICATE", "none", "its certificate is of another cluster");
    if (answers !== from)
      throw fail(operation, "LO_TALOS_CERTIFICATE", "none", from === "running" ? "it is in maintenance" : "it has a configuration");
  };
  const who = (): SystemInformation => ({
    ...(facts.uuid === undefined ? {} : { uuid: facts.uuid }),
    ...(facts.serial === undefined ? {} : { serial: facts.serial }),
    manufacturer: "Fake",
    ...faults.identity,
  });
  return {
    ...options,
    fail,
    who,
    endOf: (actor) => ends.get(actor),
    async read(operation, work, from = "running") {
      reach(operation, from);
      return work();
    },
    async act(permit, verb, work, { from = "running", about = name } = {}) {
      admit(permit, about, verb);
      reach(verb, from);
      if (faults.unreachable-- > 0) throw fail(verb, "LO_TALOS_UNREACHABLE", "none", "connection refused");
      const { uuid, serial } = who();
      if ((facts.uuid !== undefined && uuid !== facts.uuid) || (facts.serial !== undefined && serial !== facts.serial))
        throw fail(verb, "LO_TALOS_IDENTITY", "none", `it says it is ${uuid ?? serial}`);
      permit.gate();
      const answer = work();
      if (faults.losesAnswers) throw fail(verb, "LO_TALOS_UNREACHABLE", "unknown", "the connection ended before the answer");
      return answer;
    },
    begin(sequence, ending, before) {
      const actor = `${name}-actor-${ends.size + 1}`;
      ends.set(actor, faults.sequences ?? { end: "done", seen: `${sequence}: its sequence ran to its end` });
      if (!faults.sequences) {
        system.stage = sequence;
        machine.goDown(ending, before);
      }
      return { did: "sent", answer: `${sequence} acknowledged, actor ${actor}`, actor };
    },
  };
}
