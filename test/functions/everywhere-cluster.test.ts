import { expect } from "vitest";
import bootstrap from "#functions/bootstrap.ts";
import csrApprover from "#functions/csr-approver.ts";
import etcdBootstrap from "#functions/etcd-bootstrap.ts";
import etcdRestore from "#functions/etcd-restore.ts";
import etcdSnapshot from "#functions/etcd-snapshot.ts";
import install from "#functions/install.ts";
import type { FakeMachineOptions, FakeWorld } from "#functions/testing/mod.ts";
import { type Story, tellInstalled } from "./everywhere-install.ts";

const controlPlane = (name: string, more: Partial<FakeMachineOptions> = {}): FakeMachineOptions => ({
  name,
  role: "control-plane",
  ...more,
});
const gentle: Story["always"] = (world, where) => {
  for (const { name, did } of world.machines()) expect(did, `${name}: ${where}`).toMatchObject({ off: 0, wipe: 0, drain: 0, cordon: 0 });
};
const losing = (world: FakeWorld) => {
  for (const machine of world.machines()) {
    machine.bmc.losesAnswers = true;
    machine.system.faults.losesAnswers = true;
  }
};

const installed: Story = {
  spec: install,
  data: { machine: "gpu-02" },
  machines: [controlPlane("cp-01"), { name: "gpu-02", blank: true, disposable: true }],
  machine: "gpu-02",
  always: gentle,
  good(world, where) {
    expect(world.machine("gpu-02").did, where).toMatchObject({ on: 1, install: 1 });
    expect(world.machine("gpu-02").isReady(), where).toBe(true);
  },
};
tellInstalled(installed, "honest", "crash");
tellInstalled(installed, "answers lost", "stop", losing);

const blank = { blank: true } as const;
const bootstrapped: Story = {
  spec: bootstrap,
  others: [install, etcdBootstrap, csrApprover],
  data: { reason: "a new rack" },
  long: true,
  machines: [controlPlane("cp-01", blank), controlPlane("cp-02", blank), { name: "gpu-01", ...blank }],
  prepare: (world) => {
    world.api.needsCni = true;
  },
  always(world, where) {
    gentle(world, where);
    expect(world.machines().filter(({ did }) => did.bootstrap > 0).length, where).toBeLessThanOrEqual(1);
  },
  good(world, where) {
    expect(world.machine("cp-01").did.bootstrap, where).toBe(1);
    for (const machine of world.machines()) {
      expect(machine.did, where).toMatchObject({ on: 1, install: 1 });
      expect(machine.isReady(), where).toBe(true);
    }
    expect(world.kubeconfig.texts.length, where).toBeGreaterThan(0);
  },
};
tellInstalled(bootstrapped, "honest", "crash");
tellInstalled(bootstrapped, "answers lost", "stop", losing);

const restored: Story = {
  spec: etcdRestore,
  others: [etcdBootstrap],
  data: { machine: "cp-01", snapshot: "old.db" },
  machines: [controlPlane("cp-01"), controlPlane("cp-02")],
  prepare(world) {
    world.etcd.members = [];
    void world.snapshots.store("old.db", whole());
  },
  always: gentle,
  good(world, where) {
    expect(world.machine("cp-01").did.bootstrap, where).toBe(1);
    expect(world.etcd.quorate(), where).toBe(true);
  },
};
async function* whole() {
  yield Buffer.from("etcd of revision 7\nwhole");
}
tellInstalled(restored, "honest", "crash");
tellInstalled(restored, "answers lost", "stop", losing);

const kept: Story = {
  spec: etcdSnapshot,
  data: {},
  machines: [controlPlane("cp-01"), controlPlane("cp-02"), controlPlane("cp-03")],
  always: gentle,
  good(world, where) {
    expect(world.snapshots.kept.size, where).toBeGreaterThan(0);
  },
};
tellInstalled(kept, "honest", "crash");
