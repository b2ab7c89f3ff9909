import { expect, test } from "vitest";
import type { FunctionSpec } from "#events";
import nodeLost from "#functions/node-lost.ts";
import powerCycle from "#functions/power-cycle.ts";
import powerOff from "#functions/power-off.ts";
import powerOn from "#functions/power-on.ts";
import upgrade from "#functions/upgrade.ts";
import { createDice, type Dice } from "#test/fuzz/mutate.ts";
import { type Rig, startRig } from "./rig.ts";

const functions: readonly FunctionSpec[] = [nodeLost, powerOn, powerOff, powerCycle, upgrade];

/** What people, programs and bad luck do to a control plane, several at a time. */
async function disturb(rig: Rig, names: readonly string[], dice: Dice): Promise<void> {
  const machine = names[dice(names.length)] ?? "";
  const box = rig.world.machine(machine);
  const confirm = dice(6) === 0 ? { confirm: machine } : {};
  const what = dice(9);
  if (what <= 1) await rig.say("power-cycle", { machine, hard: dice(2) === 0, ...confirm });
  else if (what === 2) await rig.say("power-off-requested", { machine, hard: true, ...confirm });
  else if (what === 3) await rig.say("power-on-requested", { machine });
  else if (what <= 5) await rig.say("upgrade-requested", { machine, version: "v1.14.0", cold: dice(2) === 0, ...confirm });
  else if (what === 6) box.hang();
  else if (what === 7) box.system.faults.silent = !box.system.faults.silent;
  else rig.world.etcd.of(machine)?.errors.splice(0, 1, ...(dice(2) === 0 ? ["etcdserver: slow"] : []));
}

async function history(size: number, seed: number): Promise<readonly string[]> {
  const dice = createDice(seed);
  const names = Array.from({ length: size }, (_, index) => `cp-${index + 1}`);
  const machines = names.map((name) => ({ name, role: "control-plane" as const, foundOff: "power-on" as const }));
  const rig = await startRig({ machines, etcd: true, watch: true, functions });
  await rig.clock.sleep(60_000);
  for (let turn = 3 + dice(5); turn > 0; turn -= 1) {
    for (let more = 1 + dice(size); more > 0; more -= 1) await disturb(rig, names, dice);
    await rig.clock.sleep(1000 * dice(240));
  }
  await rig.clock.sleep(900_000);
  const violations = [...rig.world.violations()];
  await rig.worker.stop();
  rig.clock.kill();
  return violations;
}

/** A thousand in all, told by their seeds. */
test.each([
  { size: 3, from: 1, count: 500 },
  { size: 5, from: 501, count: 500 },
])(
  "of $size control planes etcd never loses its majority by our doing, in $count histories of concurrent requests",
  { timeout: 240_000 },
  async ({ size, from, count }) => {
    for (let seed = from; seed < from + count; seed += 1)
      expect({ seed, violations: await history(size, seed) }).toEqual({ seed, violations: [] });
  },
);
