import { expect } from "vitest";
import type { FunctionSpec } from "#events";
import rebuild from "#functions/rebuild.ts";
import type { FakeMachine, FakeMachineOptions } from "#functions/testing/mod.ts";
import { type Rig, startRig, untouched } from "./rig.ts";

export const controlPlanes: readonly FakeMachineOptions[] = ["cp-01", "cp-02", "cp-03"].map((name) => ({ name, role: "control-plane" }));
const workers: readonly FakeMachineOptions[] = ["gpu-01", "gpu-02", "gpu-03"].map((name) => ({ name, gpus: 2 }));

/** A cluster that has run for a minute: three control planes with etcd, three workers, of which `gpu-02` is as given. */
export async function cluster(
  options: { functions?: readonly FunctionSpec[]; machines?: readonly FakeMachineOptions[]; worker?: Partial<FakeMachineOptions> } = {},
): Promise<Rig & { readonly box: FakeMachine }> {
  const { functions = [rebuild], worker = {} } = options;
  const given = [...controlPlanes, ...workers].map((one) => (one.name === "gpu-02" ? { ...one, ...worker } : one));
  const rig = await startRig({ machines: options.machines ?? given, etcd: true, functions });
  await rig.clock.sleep(60_000);
  return Object.assign(rig, { box: rig.world.machine(options.machines ? (given[0]?.name ?? "") : "gpu-02") });
}

/** Somebody asks for it and agrees; answers the run and how it ended. */
export async function rebuilt(rig: Rig, machine = "gpu-02"): Promise<{ run: string; status: string; reason: string }> {
  const run = await rig.say("rebuild-requested", { machine });
  await rig.answer(run, true);
  return { run, ...(await endOf(rig, run)) };
}

export async function endOf(rig: Rig, run: string): Promise<{ status: string; reason: string }> {
  const status = await rig.ended(run);
  const last = (await rig.journal(run)).at(-1);
  return { status, reason: (last?.is === "finished" || last?.is === "parked" ? last.reason : undefined) ?? "" };
}

/** Back in service, on its own disk, disarmed, and nothing left standing. */
export async function inService(rig: Rig, machine = "gpu-02"): Promise<void> {
  const { world, office } = rig;
  const box = world.machine(machine);
  expect(box.isReady()).toBe(true);
  expect(box.node).toMatchObject({ unschedulable: false, taintedAt: undefined });
  expect(box.override).toEqual({ target: "none", once: false });
  expect(["consumed", "disarmed", undefined]).toContain((await world.netboot.arms.of(machine))?.state);
  const { quarantine, left } = await office.ledger.of(machine);
  expect(quarantine ?? left).toBeUndefined();
  expect(world.violations()).toEqual([]);
}

/** Nobody has touched it. */
export const wasUntouched = (box: FakeMachine) => {
  expect(box.did).toEqual(untouched);
  expect(box.writes).toEqual([]);
  expect(box.node.unschedulable).toBe(false);
};

/** It was touched and failed: disarmed, and left alone until a person releases it. */
export async function leftDisarmed(rig: Rig, reason: string, machine = "gpu-02"): Promise<void> {
  expect(["consumed", "disarmed", undefined]).toContain((await rig.world.netboot.arms.of(machine))?.state);
  await rig.until("it is left alone", async () => (await rig.office.ledger.of(machine)).quarantine !== undefined);
  expect((await rig.office.ledger.of(machine)).quarantine?.reason).toContain(reason);
  expect(rig.world.violations()).toEqual([]);
}

/** What a run has done: its steps in order, acts with their verbs, `+` for a mark that it set and `-` for one that it took back. */
export async function story(rig: Rig, run: string): Promise<readonly string[]> {
  return (await rig.journal(run)).flatMap((entry) => {
    if (entry.is === "done") return [entry.step];
    if (entry.is === "intent") return [`${entry.step}: ${entry.verb}`];
    if (entry.is === "obliged") return [`+ ${entry.obligation.kind}`];
    return entry.is === "cleared" ? [`- ${entry.kind}`] : [];
  });
}
