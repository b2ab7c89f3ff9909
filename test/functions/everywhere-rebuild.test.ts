import { expect } from "vitest";
import rebuild from "#functions/rebuild.ts";
import type { BmcFaults, FakeMachineOptions, FakeWorld } from "#functions/testing/mod.ts";
import { type Story, tellInstalled } from "./everywhere-install.ts";

const bmcs = (faults: Partial<BmcFaults>) => (world: FakeWorld) => {
  for (const machine of world.machines()) Object.assign(machine.bmc, faults);
};
const rebuilt = (name: string, machines: readonly FakeMachineOptions[], more: Partial<Story> = {}): Story => ({
  spec: rebuild,
  data: { machine: name },
  machines: machines.map((one) => (one.name === name ? { ...one, disposable: true } : one)),
  machine: name,
  always(world, where) {
    const box = world.machine(name);
    const sent = (verb: string) => box.writes.filter((write) => write.verb === verb).length;
    expect(sent("force-off"), where).toBeLessThanOrEqual(1);
    expect(sent("power-on"), where).toBeLessThanOrEqual(1);
    for (const other of world.machines()) if (other !== box) expect(other.writes, where).toEqual([]);
    expect(world.etcd.quorate(), where).toBe(true);
  },
  good(world, where) {
    const box = world.machine(name);
    expect(box.did, where).toMatchObject({ wipe: 1, install: 1, on: 1, off: 1 });
    expect(box.isReady(), where).toBe(true);
    expect(box.node.unschedulable, where).toBe(false);
    expect(
      world.etcd.members.filter(({ learner, lost }) => !learner && !lost),
      where,
    ).toHaveLength(machines.filter(({ role }) => role).length);
  },
  ...more,
});

const worker = rebuilt("gpu-02", [{ name: "cp-01", role: "control-plane" }, { name: "gpu-01" }, { name: "gpu-02" }]);
tellInstalled(worker, "honest BMC", "crash");
tellInstalled(worker, "honest BMC", "stop");
tellInstalled(worker, "answer-losing BMC", "crash", bmcs({ losesAnswers: true }));
tellInstalled(worker, "lying BMC", "stop", bmcs({ latencyMs: 4000, reportsEarly: true }));

const three: FakeMachineOptions[] = ["cp-01", "cp-02", "cp-03"].map((name) => ({ name, role: "control-plane" }));
tellInstalled(rebuilt("cp-01", three), "a control plane that leads", "crash");
tellInstalled(rebuilt("cp-02", three), "a control plane whose answers are lost", "stop", (world) => {
  Object.assign(world.machine("cp-02").system.faults, { losesAnswers: true });
});
tellInstalled(
  rebuilt("cp-02", three, { prepare: (world) => world.machine("cp-02").hang() }),
  "a dead control plane, answers lost",
  "crash",
  (world) => {
    for (const machine of world.machines()) machine.system.faults.losesAnswers = true;
  },
);

const media = rebuilt("gpu-02", [{ name: "cp-01", role: "control-plane" }, { name: "gpu-02" }], {
  prepare: (world) => void world.netboot.ways.set("gpu-02", { by: "media", uri: "http://10.0.10.2/metal.iso" }),
});
tellInstalled(media, "virtual media, answers lost", "crash", (world) => {
  world.machine("gpu-02").system.faults.losesAnswers = true;
});
