import type { BootTarget } from "#adapters/power/port.ts";
import { type Act, RefusedError, type Step } from "#events";
import type { Ports } from "../define.ts";

type Power = Pick<Ports, "power">;

/** Where the next start goes, once. */
export interface NextBoot {
  readonly target: BootTarget;
  readonly uri?: string;
  /** Answers what shows that it has started so already: then the override is used up, and reads so. */
  readonly used?: () => Promise<string | undefined>;
}

/** Refuses a machine whose BMC cannot send it anywhere. */
export async function demandBootOnce(machine: string, ports: Power, signal?: AbortSignal): Promise<void> {
  if ((await ports.power.of(machine).capabilities(signal)).has("boot-once")) return;
  throw new RefusedError(`${machine}: its BMC cannot choose what it boots next`, {
    hint: "Put the network first in its firmware's boot order and declare netboot: first",
  });
}

/**
 * The one-time override of where a machine boots. Some BMCs forget it within a minute, so it is written right before the start that it is for.
 * The port reads it back before it answers, so an answer is proof.
 */
export function bootOnce(machine: string, { target, uri, used }: NextBoot, ports: Power): Act {
  const undo = `lightsout power on ${machine}`;
  let readBack: string | undefined;
  return {
    machine,
    verb: "boot-once",
    // One that is set already may lead elsewhere: it is always written.
    before: async (signal) => ({ is: "not-done", seen: `boot override ${(await ports.power.of(machine).bootOverride(signal)).raw}` }),
    async observe(signal) {
      if (readBack !== undefined) return { is: "done", seen: `read back: ${readBack}` };
      const seen = await used?.();
      if (seen !== undefined) return { is: "done", seen };
      const now = await ports.power.of(machine).bootOverride(signal);
      const is = now.target === target && (now.once || target === "none") ? "done" : "not-done";
      return { is, seen: `boot override ${now.raw}` };
    },
    async perform(permit) {
      readBack = (await ports.power.of(machine).bootOnce(permit, target, uri)).answer;
      return readBack;
    },
    settle: "30s",
    undo,
    ...(target === "none" ? {} : { leaves: { kind: "boot-override" as const, machine, undo } }),
  };
}

/** Takes an override back that is still set although its start is over, as some BMCs leave it. */
export async function clearOverride(machine: string, step: Step, ports: Power): Promise<void> {
  const left = await step.run("read its boot override", async (signal) => (await ports.power.of(machine).bootOverride(signal)).target, {
    reads: true,
    attempts: 20,
  });
  if (left !== "none") await step.act("take its boot override back", bootOnce(machine, { target: "none" }, ports));
  await step.run("its boot override is gone", () => undefined, { clears: "boot-override" });
}
