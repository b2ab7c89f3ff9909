import { describe, expect, test } from "vitest";
import install from "#functions/install.ts";
import type { FakeMachineOptions } from "#functions/testing/mod.ts";
import { cluster as anyCluster, controlPlanes, endOf, inService, leftDisarmed, story, wasUntouched } from "./clusters.ts";
import { type Rig, untouched } from "./rig.ts";

/** A cluster, and `gpu-02` as a new machine: off and blank unless it is given otherwise. */
const cluster = (worker: Partial<FakeMachineOptions> = { blank: true }) => anyCluster({ functions: [install], worker });

/** It is on, started from an image that somebody has put in. */
async function inMaintenance(rig: Rig): Promise<void> {
  const box = rig.world.machine("gpu-02");
  box.override = { target: "cd", once: true, uri: "http://somewhere/metal.iso" };
  box.press("on");
  await rig.until("it waits", () => box.answers() === "maintenance");
}

test("a machine that is off is installed, joins and is proven; nothing is drained, cordoned or switched off", async () => {
  const rig = await cluster();
  const run = await rig.say("install-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
  expect(rig.box.did).toEqual({ ...untouched, on: 1, install: 1 });
  expect((await rig.journal(run)).find((entry) => entry.is === "asked")).toMatchObject({
    ask: "Install Talos v1.13.9 on the disk with serial S-gpu-02 of gpu-02 (worker, off)? Its disks could not be read: its Talos does not answer (no answer in 5s).",
  });
  await inService(rig);
});

test("a machine that waits in maintenance is given its configuration there, and its power is not touched", async () => {
  const rig = await cluster();
  await inMaintenance(rig);
  const run = await rig.say("install-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
  expect(rig.box.did).toEqual({ ...untouched, on: 1, install: 1, apply: 1 });
  expect(rig.box.writes).toEqual([]);
  expect((await rig.journal(run)).find((entry) => entry.is === "asked")).toMatchObject({
    ask: "Install Talos v1.13.9 on /dev/nvme0n1 (480 GB, serial S-gpu-02), empty of gpu-02 (worker, maintenance)?",
  });
  await inService(rig);
});

test("a control plane joins etcd, and none of the others is asked whether it may", async () => {
  const machines = [...controlPlanes, { name: "cp-04", role: "control-plane", blank: true, disposable: true } as const];
  const rig = await anyCluster({ functions: [install], machines });
  const run = await rig.say("install-requested", { machine: "cp-04" });
  expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
  expect(rig.world.etcd.of("cp-04")).toMatchObject({ learner: false, started: true });
  await inService(rig, "cp-04");
});

describe("refused, and nothing is touched", () => {
  const refused = async (rig: Rig, machine = "gpu-02") => {
    const run = await rig.say("install-requested", { machine });
    const { status, reason } = await endOf(rig, run);
    expect(status, reason).toBe("refused");
    return reason;
  };

  test("a machine that serves", async () => {
    const rig = await cluster({});
    expect(await refused(rig)).toContain(
      "gpu-02 is neither off nor waiting for a configuration: TLS, CN=gpu-02. Nothing was done. To wipe it",
    );
    wasUntouched(rig.box);
  });

  test("one that is on and does not answer: nobody knows what it runs", async () => {
    const rig = await cluster({});
    rig.box.hang();
    expect(await refused(rig)).toContain("power On, and its Talos does not answer");
    wasUntouched(rig.box);
  });

  test("one that is off and that the cluster knows", async () => {
    const rig = await cluster({ off: true });
    expect(await refused(rig)).toContain("gpu-02 is known to the cluster as Node gpu-02");
    wasUntouched(rig.box);
  });

  test("a machine of another cluster", async () => {
    const rig = await cluster({});
    rig.box.system.faults.foreign = true;
    expect(await refused(rig)).toContain("issued by another cluster");
    wasUntouched(rig.box);
  });

  test("foreign signatures on the declared disk, read in maintenance", async () => {
    const rig = await cluster({ blank: true, disposable: true });
    await inMaintenance(rig);
    rig.box.system.disks[0]?.found.push("bluestore");
    expect(await refused(rig)).toContain("carries what is not Talos's (nvme0n1: bluestore)");
    expect(rig.box.did).toMatchObject({ apply: 0, install: 0 });
  });

  test("another machine in maintenance at its address", async () => {
    const rig = await cluster({ blank: true, disposable: true });
    await inMaintenance(rig);
    rig.box.system.faults.identity = { serial: "SN-OTHER" };
    expect(await refused(rig)).toContain("serial SN-OTHER");
    expect(rig.box.did.apply).toBe(0);
  });

  test("a wrong configuration", async () => {
    const rig = await cluster();
    const problem = { code: "x", level: "error", path: "machine.token", message: "it is missing", fix: "Give it" } as const;
    rig.world.configs.wrong.set("gpu-02", [problem]);
    expect(await refused(rig)).toContain("machine.token: it is missing");
    wasUntouched(rig.box);
  });
});

test("a cluster that does not answer cannot say whether it knows the machine: it is not installed", async () => {
  const rig = await cluster({ blank: true, disposable: true });
  rig.world.api.reachable = false;
  const run = await rig.say("install-requested", { machine: "gpu-02" });
  expect(await endOf(rig, run)).toMatchObject({ status: "failed", reason: expect.stringContaining("connection refused") });
  wasUntouched(rig.box);
});

test("a control plane is installed without a cluster while etcd lives nowhere, and waits for it", async () => {
  const machines = [...controlPlanes.map((one) => ({ ...one, blank: true, disposable: true })), { name: "gpu-02", blank: true }];
  const rig = await anyCluster({ functions: [install], machines });
  const run = await rig.say("install-requested", { machine: "cp-02" });
  expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
  expect(rig.world.machine("cp-02").did).toEqual({ ...untouched, on: 1, install: 1 });
  expect(rig.world.etcd.members).toEqual([]);
  expect(await story(rig, run)).not.toContain("its Node has come");

  rig.world.machine("cp-02").hang();
  const other = await rig.say("install-requested", { machine: "cp-03" });
  expect(await endOf(rig, other)).toMatchObject({ status: "failed", reason: expect.stringContaining("connection refused") });
  wasUntouched(rig.world.machine("cp-03"));
});

test("an installed disk wins over what is served: it is not wiped, it fails, and the reason is plain", async () => {
  const rig = await cluster({ off: true, disposable: true });
  rig.box.node.exists = false;
  const run = await rig.say("install-requested", { machine: "gpu-02" });
  const { status, reason } = await endOf(rig, run);
  expect(status).toBe("failed");
  expect(reason).toContain("A configuration that an installed Talos left on its disk wins over the one served: then rebuild it");
  expect(rig.box.did).toMatchObject({ wipe: 0, install: 0, off: 0 });
  await leftDisarmed(rig, "has not fetched its configuration");
});

test("an image is started where that is the machine's way", async () => {
  const rig = await cluster({ blank: true, disposable: true });
  rig.world.netboot.ways.set("gpu-02", { by: "media", uri: "http://10.0.10.2:7481/assets/metal.iso" });
  const run = await rig.say("install-requested", { machine: "gpu-02" });
  expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
  expect(rig.box.did).toMatchObject({ on: 1, off: 0, apply: 1, install: 1 });
  expect(await story(rig, run)).not.toContain("+ arm");
  await inService(rig);
});

test("what says that a bootstrap sent it is asked about like any other", async () => {
  const rig = await cluster();
  for (const id of ["forged", "install gpu-02"]) {
    const { runs } = await rig.worker.accept({
      type: "install-requested",
      data: { machine: "gpu-02" },
      origin: "operator",
      source: "lightsout/test/run/0123456789abcdef",
      actor: "mallory",
      id,
    });
    const run = runs[0] ?? "";
    await rig.answer(run, false);
    expect(await rig.ended(run)).toBe("denied");
  }
  wasUntouched(rig.box);
});
