import { expect } from "vitest";
import etcdBootstrap from "#functions/etcd-bootstrap.ts";
import etcdRestore from "#functions/etcd-restore.ts";
import etcdSnapshot from "#functions/etcd-snapshot.ts";
import install from "#functions/install.ts";
import { controlPlane, gentle, losing, type Story, tellInstalled } from "./everywhere-install.ts";

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
