import type { Arm, BootProfile } from "#adapters/netboot/port.ts";
import { type Duration, explain, type Step } from "#events";
import type { Ports } from "../define.ts";
import { untilItAnswers } from "./service.ts";

type Arming = Pick<Ports, "netboot">;

/** Longer than everything that a machine loads may take. Whatever holds its run up longer arms it anew before it is switched on. */
const within: Duration = "3h";

/** Lets the machine load `profile` once. Again, it changes nothing while nothing was loaded. The token stays where it was made. */
export async function arm(machine: string, profile: BootProfile, step: Pick<Step, "self">, ports: Arming): Promise<void> {
  await ports.netboot.arms.arm(machine, { run: step.self.run, profile, within });
}

/** Arms a machine for one installation and does `work`. However that fails, the machine is left disarmed. */
export async function whileArmed<Result>(
  machine: string,
  profile: BootProfile,
  step: Step,
  ports: Arming,
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    await step.run("arm", () => arm(machine, profile, step, ports), {
      leaves: { kind: "arm", machine, undo: `lightsout disarm ${machine}` },
    });
    return await work();
  } catch (error) {
    await step.run("disarm", () => disarm(machine, explain(error), step, ports), { clears: "arm", attempts: untilItAnswers });
    throw error;
  }
}

async function disarm(machine: string, why: string, step: Step, ports: Arming): Promise<void> {
  await ports.netboot.arms.disarm(machine, { run: step.self.run, why });
}

/** Ends the arm for good, with what proves that the machine has its configuration. */
export async function consume(machine: string, proof: string, step: Step, ports: Arming): Promise<void> {
  const end = async () => {
    await ports.netboot.arms.consume(machine, step.self.run, proof);
  };
  await step.run("end its arm", end, { clears: "arm", attempts: untilItAnswers });
}

/** The arm of this run as it stands, or `undefined` when somebody has taken it back. */
export async function armOf(machine: string, step: Step, ports: Arming): Promise<Arm | undefined> {
  const found = await ports.netboot.arms.of(machine);
  return found?.run === step.self.run && found.state !== "disarmed" ? found : undefined;
}
