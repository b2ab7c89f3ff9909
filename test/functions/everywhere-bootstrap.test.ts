import { expect } from "vitest";
import bootstrap from "#functions/bootstrap.ts";
import csrApprover from "#functions/csr-approver.ts";
import etcdBootstrap from "#functions/etcd-bootstrap.ts";
import install from "#functions/install.ts";
import { controlPlane, gentle, losing, type Story, tellInstalled } from "./everywhere-install.ts";

const blank = { blank: true } as const;
const bootstrapped = (machines: Story["machines"]): Story => ({
  spec: bootstrap,
  others: [install, etcdBootstrap, csrApprover],
  data: { reason: "a new rack" },
  long: true,
  machines,
  prepare(world) {
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
});
tellInstalled(bootstrapped([controlPlane("cp-01", blank), controlPlane("cp-02", blank)]), "two control planes", "crash");
tellInstalled(bootstrapped([controlPlane("cp-01", blank), { name: "gpu-01", ...blank }]), "a worker, answers lost", "stop", losing);
