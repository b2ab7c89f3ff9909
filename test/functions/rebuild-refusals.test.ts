import { describe, expect, test } from "vitest";
import type { FakeMachine } from "#functions/testing/mod.ts";
import { cluster, endOf, rebuilt, wasUntouched } from "./clusters.ts";
import type { Rig } from "./rig.ts";

/** Asks for it; answers how it ended without anybody having been asked. */
async function refusal(rig: Rig): Promise<string> {
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  const { status, reason } = await endOf(rig, run);
  expect(status, reason).toBe("refused");
  expect((await rig.journal(run)).some((entry) => entry.is === "asked")).toBe(false);
  return reason;
}

describe("refused before anybody is asked and anything is touched", () => {
  const disk = (change: Partial<FakeMachine["system"]["disks"][number]>) => (box: FakeMachine) => {
    box.system.disks.push({ device: "/dev/sda", serial: "WD-0042", wwid: "naa.5", size: 4e12, found: [], system: false, ...change });
  };
  test.each<[string, (box: FakeMachine, rig: Rig) => unknown, string]>([
    [
      "a configuration with errors",
      (_, { world }) => {
        const problem = { path: "machine.install.image", fix: "Name the factory's installer", code: "x" } as const;
        world.configs.wrong.set("gpu-02", [
          { ...problem, level: "warning", message: "a remark" },
          { ...problem, level: "error", message: "it is of another version" },
          { ...problem, level: "error", message: "and no secret" },
        ]);
      },
      "The configuration of gpu-02 is wrong: machine.install.image: it is of another version (and 1 more). Name the factory's installer. Nothing was installed",
    ],
    [
      "nothing declared",
      (_, { world }) => world.configs.declare("gpu-02", { disk: undefined }),
      "the disk to install on is not declared by serial or WWID",
    ],
    [
      "a declared disk that is not in it",
      (_, { world }) => world.configs.declare("gpu-02", { disk: { serial: "S-old" } }),
      "the disk with serial S-old is not in it. It has: /dev/nvme0n1 (480 GB, serial S-gpu-02), carries gpt",
    ],
    [
      "a disk of Ceph, ZFS or LVM",
      (box) => box.system.disks[0]?.found.push("bluestore", "lvm2"),
      "carries what is not Talos's (nvme0n1: bluestore, nvme0n1: lvm2)",
    ],
    [
      "a Talos that is installed on another disk than the declared one: the wipe would hit that one",
      (box, { world }) => {
        disk({})(box);
        world.configs.declare("gpu-02", { disk: { wwid: "naa.5" } });
      },
      "Talos is installed on /dev/nvme0n1 (480 GB, serial S-gpu-02), carries gpt, but the disk with WWID naa.5 is declared",
    ],
    ["two disks with the declared serial", disk({ serial: "S-gpu-02" }), "2 disks are the disk with serial S-gpu-02"],
    [
      "a machine of another cluster at its address",
      (box) => Object.assign(box.system.faults, { foreign: true }),
      "what answers for it is not ours",
    ],
    [
      "another machine of this cluster at its address",
      (box) => Object.assign(box.system.faults, { identity: { uuid: "1a111111-2222-3333-4444-555555555555" } }),
      "what answers for it says uuid 1a111111-2222-3333-4444-555555555555",
    ],
    [
      "a machine that tells nothing of itself",
      (box) => Object.assign(box.system.faults, { identity: { uuid: undefined, serial: "0" } }),
      "says uuid none",
    ],
  ])("%s", async (_, prepare, reason) => {
    const rig = await cluster();
    prepare(rig.box, rig);
    expect(await refusal(rig)).toContain(reason);
    wasUntouched(rig.box);
  });
});

describe("refused when a person has agreed, and still nothing is touched", () => {
  test("storage that is not healthy", async () => {
    const rig = await cluster();
    Object.assign(rig.world.storage, { healthy: false, why: "3 of 12 OSDs are down" });
    const { status, reason } = await rebuilt(rig);
    expect(status).toBe("refused");
    expect(reason).toContain("gpu-02 cannot be taken away while storage is not healthy: 3 of 12 OSDs are down");
    wasUntouched(rig.box);
  });

  test("storage that gives no answer", async () => {
    const rig = await cluster();
    rig.world.storage.throws = new Error("no answer from the Ceph operator");
    const { status, reason } = await rebuilt(rig);
    expect([status, reason]).toEqual(["failed", "no answer from the Ceph operator"]);
    wasUntouched(rig.box);
  });

  test("boot assets that cannot be had", async () => {
    const rig = await cluster();
    rig.world.netboot.missing.set("gpu-02", "kernel-amd64 has another checksum");
    const { status, reason } = await rebuilt(rig);
    expect([status, reason]).toEqual(["failed", "gpu-02: kernel-amd64 has another checksum"]);
    wasUntouched(rig.box);
  });

  test("a hold", async () => {
    const rig = await cluster();
    await rig.say("hold-requested", { scope: "machine", name: "gpu-02", reason: "hands in it" });
    const { status, reason } = await rebuilt(rig);
    expect(status).toBe("refused");
    expect(reason).toContain("hands in it");
    wasUntouched(rig.box);
  });

  test("a machine that carries Lightsout, unless it is named again", async () => {
    const rig = await cluster({ worker: { carriesLightsout: true } });
    const { status, reason } = await rebuilt(rig);
    expect(status).toBe("refused");
    expect(reason).toContain("--confirm gpu-02");
    wasUntouched(rig.box);
    const run = await rig.say("rebuild-requested", { machine: "gpu-02", confirm: "gpu-02" });
    await rig.answer(run, true);
    expect(await rig.ended(run)).toBe("ok");
  });
});

test("under trust observe everything is decided and nothing is done", async () => {
  const rig = await cluster({ worker: { trust: "observe" } });
  expect((await rebuilt(rig)).status).toBe("observed");
  wasUntouched(rig.box);
});

test("pods that find no room elsewhere are put before a person, disposable or not", async () => {
  const rig = await cluster({ worker: { disposable: true } });
  rig.world.api.room = () => ({ fits: false, why: "train-0 wants 8 GPUs, nobody has them" });
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(run, false);
  expect(await endOf(rig, run)).toMatchObject({ status: "denied" });
  expect((await rig.journal(run)).find((entry) => entry.is === "asked")).toMatchObject({
    ask: "The pods of gpu-02 find no room elsewhere: train-0 wants 8 GPUs, nobody has them. Go on and stop them?",
  });
  wasUntouched(rig.box);
});

test("a machine that is away already is not held back by storage that misses it", async () => {
  const rig = await cluster();
  rig.box.hang();
  await rig.clock.sleep(60_000);
  Object.assign(rig.world.storage, { healthy: false, why: "an OSD is down" });
  expect((await rebuilt(rig)).status).toBe("ok");
});

test("a disk that came to carry something else while a person thought about it is not wiped", async () => {
  const rig = await cluster();
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  rig.box.system.disks[0]?.found.push("zfs_member");
  await rig.answer(run, true);
  const { status, reason } = await endOf(rig, run);
  expect(status).toBe("refused");
  expect(reason).toContain("carries what is not Talos's (nvme0n1: zfs_member)");
  expect(rig.box.did).toMatchObject({ off: 0, wipe: 0 });
});

test("a disk that was declared anew meanwhile is not the one that was agreed to", async () => {
  const rig = await cluster();
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  const disk = { device: "/dev/sda", serial: "WD-0042", size: 4e12, found: [], system: false };
  rig.box.system.disks[0] = { ...disk, device: "/dev/nvme0n1", serial: "S-new", system: true };
  rig.world.configs.declare("gpu-02", { disk: { serial: "S-new" } });
  await rig.answer(run, true);
  const { status, reason } = await endOf(rig, run);
  expect(status).toBe("refused");
  expect(reason).toContain("gpu-02: it was agreed to wipe the disk with serial S-gpu-02, and the disk with serial S-new is declared now");
  expect(rig.box.did).toMatchObject({ off: 0, wipe: 0 });
});

test("a configuration that was broken meanwhile keeps the machine on", async () => {
  const rig = await cluster();
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.until("it asks", async () => (await rig.summary(run))?.status === "asking");
  rig.world.configs.wrong.set("gpu-02", [{ code: "x", level: "error", path: "machine.token", message: "it is missing", fix: "Give it" }]);
  await rig.answer(run, true);
  expect(await endOf(rig, run)).toMatchObject({ status: "refused", reason: expect.stringContaining("machine.token: it is missing") });
  expect(rig.box.did).toMatchObject({ off: 0, wipe: 0 });
});
