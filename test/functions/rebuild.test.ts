import { expect, test } from "vitest";
import { planEvent } from "#events";
import nodeLost from "#functions/node-lost.ts";
import rebuild from "#functions/rebuild.ts";
import { cluster, endOf, inService, rebuilt, story, wasUntouched } from "./clusters.ts";
import { seenToGo, untouched } from "./rig.ts";

test("a worker is wiped and installed anew, on its declared disk alone, and proven before work comes back", async () => {
  const rig = await cluster();
  const { box, world } = rig;
  world.configs.declare("gpu-02", { labels: { gpu: "a100" }, taints: { dedicated: "gpu:NoSchedule" } });
  box.pods = [{ name: "train-0", owner: "StatefulSet/train" }];
  const { run, status } = await rebuilt(rig);
  expect(status).toBe("ok");
  expect(box.did).toEqual({ ...untouched, on: 1, off: 1, cordon: 1, uncordon: 1, drain: 1, wipe: 1, install: 1, settle: 1 });
  expect(box.node).toMatchObject({ labels: { gpu: "a100" }, taints: { dedicated: "gpu:NoSchedule" } });
  await inService(rig);
  expect(await story(rig, run)).toMatchInlineSnapshot(`
    [
      "its configuration is right",
      "look at what would be wiped",
      "wipe it",
      "its BMC can send it to the network",
      "cache what it boots",
      "storage can do without it",
      "find room for its pods",
      "note its boot id",
      "see that its BMC answers",
      "find its Node",
      "+ cordon",
      "cordon: cordon",
      "drain",
      "see that it may still be wiped",
      "see what it can do by itself",
      "power off: force-off",
      "+ arm",
      "arm",
      "+ boot-override",
      "send it to the network: boot-once",
      "power on: power-on",
      "it asks what to boot, to be wiped",
      "it has loaded what wipes it",
      "+ boot-override",
      "send it to the network again: boot-once",
      "it asks what to boot, to be installed",
      "it has loaded what installs it",
      "it has fetched its configuration",
      "it answers as ours",
      "- arm",
      "end its arm",
      "read its boot override",
      "- boot-override",
      "its boot override is gone",
      "it runs from its disk as declared",
      "its Node has come",
      "labels and taints",
      "a new boot id",
      "untaint",
      "Node Ready and GPUs allocatable",
      "what its kubelet asks for",
      "- cordon",
      "uncordon",
    ]
  `);
});

test("the person sees what is wiped and what is left alone: disks by their serials, pods, and those that cannot be replaced", async () => {
  const rig = await cluster();
  rig.box.system.disks.push({
    device: "/dev/sda",
    serial: "WD-0042",
    wwid: "naa.5",
    size: 4_000_787_030_016,
    found: ["bluestore"],
    system: false,
  });
  rig.box.pods = [
    { name: "train-0", namespace: "ml" },
    { name: "db-0", irreplaceable: "pet" },
    { name: "log", daemonSet: true },
  ];
  const run = await rig.say("rebuild-requested", { machine: "gpu-02", reason: "new firmware" });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  const asked = (await rig.journal(run)).find((entry) => entry.is === "asked");
  expect(asked).toMatchObject({
    ask: "Wipe gpu-02 (worker) and install Talos v1.13.9 on /dev/nvme0n1 (480 GB, serial S-gpu-02), carries gpt? Pods on it: ml/train-0, default/db-0 (pet).",
    plan: {
      machine: "gpu-02",
      version: "v1.13.9",
      disks: {
        wiped: "/dev/nvme0n1 (480 GB, serial S-gpu-02), carries gpt",
        kept: ["/dev/sda (4001 GB, serial WD-0042), carries bluestore"],
      },
      pods: ["ml/train-0", "default/db-0 (pet)"],
    },
  });
  await rig.answer(run, false);
  expect(await rig.ended(run)).toBe("denied");
  wasUntouched(rig.box);
});

test("a machine that is declared disposable is wiped without a question", async () => {
  const rig = await cluster({ worker: { disposable: true } });
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  expect(await rig.ended(run)).toBe("ok");
  expect((await rig.journal(run)).some((entry) => entry.is === "asked")).toBe(false);
  await inService(rig);
});

test("one that does not answer is rebuilt too: the question says that nobody could read its disks", async () => {
  const rig = await cluster();
  rig.box.hang();
  await rig.clock.sleep(60_000);
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  expect(await endOf(rig, run)).toMatchObject({ status: "ok" });
  const asked = (await rig.journal(run)).find((entry) => entry.is === "asked");
  expect(asked).toMatchObject({
    ask: expect.stringContaining("on the disk with serial S-gpu-02? Its disks could not be read: its Talos does not answer"),
    plan: { disks: { unread: expect.stringContaining("does not answer") } },
  });
  expect(rig.box.did).toMatchObject({ drain: 0, wipe: 1, install: 1 });
  await inService(rig);
});

test("a lost machine is taken over from its recovery, with the marks that it has set", async () => {
  const rig = await cluster({ functions: [rebuild, nodeLost] });
  rig.box.hang();
  rig.box.volumes = ["pvc-1"];
  rig.box.host.volumesStuck = true;
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const recovery = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  await rig.until("it is fenced", () => rig.box.node.taintedAt !== undefined);
  rig.box.host.volumesStuck = false;
  const { status } = await rebuilt(rig);
  expect(await rig.ended(recovery)).toBe("superseded");
  expect(status).toBe("ok");
  expect(rig.box.did).toMatchObject({ off: 1, on: 1, wipe: 1, install: 1, taint: 1, untaint: 1 });
  await inService(rig);
});

test("asked for twice at once, it is done once, and the second asks again", async () => {
  const rig = await cluster();
  const first = await rig.say("rebuild-requested", { machine: "gpu-02" });
  const second = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(first, true);
  expect(await rig.ended(first)).toBe("ok");
  await rig.answer(second, false);
  expect(await rig.ended(second)).toBe("denied");
  expect(rig.box.did).toMatchObject({ wipe: 1, install: 1 });
  await inService(rig);
});

test("the same event twice is one run, and nobody without a name may send it", async () => {
  const rig = await cluster();
  const data = { machine: "gpu-02" };
  const run = await rig.say("rebuild-requested", data, { id: "e-1" });
  expect(await rig.say("rebuild-requested", data, { id: "e-1" })).toBe(run);
  await expect(rig.say("rebuild-requested", data, { origin: "external" })).rejects.toMatchObject({ code: "LO_EVENT_FORBIDDEN" });
  expect(await rig.runsOf("gpu-02")).toHaveLength(1);
  await rig.answer(run, false);
});

test.each(["gpu-02", "cp-01"])("planned for %s, it shows every step with what the guards say, and touches nothing", async (machine) => {
  const rig = await cluster();
  const incoming = { type: "rebuild-requested", data: { machine }, origin: "operator", source: "test", actor: "alice" } as const;
  const [plan] = await planEvent(rig.office, incoming);
  expect(plan?.stops).toBeUndefined();
  const acts = plan?.steps.filter(({ verdicts }) => verdicts).map(({ step }) => step);
  expect(acts).toEqual([
    "cordon",
    ...(machine === "cp-01" ? ["leave etcd"] : []),
    ...["power off", "send it to the network", "power on", "send it to the network again"],
  ]);
  wasUntouched(rig.world.machine(machine));
  expect(rig.world.snapshots.kept.size).toBe(0);
  expect(await rig.world.netboot.arms.of(machine)).toBeUndefined();
});

test("the token of the arm is written nowhere", async () => {
  const rig = await cluster();
  const { run } = await rebuilt(rig);
  expect(JSON.stringify(await rig.journal(run))).not.toContain("token-");
});
