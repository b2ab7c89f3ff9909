import { describe, expect, test } from "vitest";
import { createLabEtcd } from "#test/lab/talos-etcd.ts";
import { createControlPlane, createRig, type Rig, rejection, until, verdict } from "./rig.ts";

const id = "c".repeat(64);
const installer = (version: string) => `factory.talos.dev/metal-installer/${id}:${version}`;

async function pulledAndUpgraded(rig: Rig, version: string) {
  const name = await rig.machine.pullImage(installer(version));
  return await rig.machine.upgrade(rig.permit("upgrade"), name);
}

async function outcome({ machine, os }: Rig) {
  await until(() => expect(os.stage()).toBe("running"));
  return { tag: (await machine.version()).tag, schematic: await machine.schematic(), pending: await machine.upgradePending() };
}

describe.each(["v1.13.8", "v1.14.0"])("from %s on", (from) => {
  test("an upgrade only installs: armed, until something reboots the machine", async () => {
    const rig = await createRig({ version: from });
    const before = await rig.machine.bootId();
    expect(await pulledAndUpgraded(rig, "v1.14.1")).toEqual({
      did: "sent",
      answer: "the installer ended with exit code 0",
      api: "lifecycle",
      reboots: false,
      log: ["running pre-flight checks", "installation complete"],
    });
    expect(await rig.machine.bootId()).toBe(before);
    expect((await rig.machine.version()).tag).toBe(from);
    expect(await rig.machine.upgradePending()).toBe(true);
    expect(rig.box.calls.map(({ method }) => method)).not.toContain("Reboot");

    rig.host.press("reset", "somebody");
    await until(async () => expect(await rig.machine.bootId()).not.toBe(before));
    expect(await outcome(rig)).toEqual({ tag: "v1.14.1", schematic: id, pending: false });
  });

  test("what belongs to the old call is refused", async () => {
    const { machine, permit, box } = await createRig({ version: from });
    expect(await verdict(machine.upgrade(permit("upgrade"), installer("v1.14.1"), { reboot: "power-cycle" }))).toBe("unsupported");
    expect(await verdict(machine.upgrade(permit("upgrade"), installer("v1.14.1"), { stage: true }))).toBe("unsupported");
    expect(box.effects).toEqual([]);
  });
});

describe.each(["v1.9.6", "v1.11.6", "v1.12.11"])("on %s", (from) => {
  test("an upgrade is one call, after which the machine reboots by itself", async () => {
    const rig = await createRig({ version: from });
    const before = await rig.machine.bootId();
    const receipt = await pulledAndUpgraded(rig, "v1.12.12");
    expect(receipt).toMatchObject({ did: "sent", api: "legacy", reboots: true, actor: "m1-actor-1" });
    expect(["done", "lost"]).toContain((await rig.machine.follow(receipt.actor ?? "")).end);
    await until(async () => expect(await rig.machine.bootId()).not.toBe(before));
    expect(await outcome(rig)).toEqual({ tag: "v1.12.12", schematic: id, pending: false });
    expect(rig.os.boots.at(-1)).toEqual({ how: "kexec", version: "v1.12.12" });
  });

  test("it can be told to go through the firmware", async () => {
    const rig = await createRig({ version: from });
    await rig.machine.upgrade(rig.permit("upgrade"), installer("v1.12.12"), { reboot: "power-cycle" });
    await until(() => expect(rig.os.boots.at(-1)).toEqual({ how: "firmware", version: "v1.12.12" }));
  });

  test("a control plane refuses to, without quorum behind it or with two members, and nothing is done", async () => {
    const etcd = createLabEtcd();
    const [first, second] = await createControlPlane(etcd, 2, { version: from });
    if (!first || !second) throw new Error("two were asked for");
    const attempt = () => verdict(first.machine.upgrade(first.permit("upgrade"), installer("v1.12.12")));
    expect(await attempt()).toBe("LO_TALOS_REFUSED, none");
    etcd.join("m3", () => false, { started: false });
    expect(await attempt()).toBe("LO_TALOS_REFUSED, none");
    expect(first.box.effects).toEqual([]);
  });
});

describe("an upgrade that goes wrong", () => {
  test("an installer that fails may have begun: its exit code and its last words are told", async () => {
    const rig = await createRig();
    rig.os.faults.installer = 1;
    const error = await rejection(pulledAndUpgraded(rig, "v1.13.10"));
    expect(error).toMatchObject({
      code: "LO_TALOS_REFUSED",
      effect: "unknown",
      message:
        "m1: upgrade: the machine answered Unknown: the installer failed with exit code 1; its last words: running pre-flight checks / error: disk is full",
    });
    expect((await rig.machine.version()).tag).toBe("v1.13.9");
  });

  test.each([["no-exit-code"], ["refuses-late"]] as const)("an installer that ends with %s is no success and no refusal", async (how) => {
    const rig = await createRig();
    rig.os.faults.installer = how;
    expect(await verdict(pulledAndUpgraded(rig, "v1.13.10"))).toBe("LO_TALOS_REFUSED, unknown");
  });

  test.each(["v1.12.11", "v1.13.9"])("what the kubelet runs is pulled beside what Talos runs: %s", async (version) => {
    const rig = await createRig({ version });
    const [apiserver, kubelet] = ["registry.k8s.io/kube-apiserver:v1.36.3", "ghcr.io/siderolabs/kubelet:v1.36.3"];
    expect(await rig.machine.pullImage(apiserver, undefined, "cri")).toBe(apiserver);
    expect(await rig.machine.pullImage(kubelet)).toBe(kubelet);
    expect([...rig.box.pulled]).toEqual([`cri ${apiserver}`, `system ${kubelet}`]);
  });

  test("an image that is not there is refused at the pull, and by the installer when it was not pulled", async () => {
    const rig = await createRig();
    for (const image of ["ghcr.io/siderolabs/installer:v1.14.0", "factory.talos.dev/metal-installer/nothing:v1.13.9"]) {
      expect(await verdict(rig.machine.pullImage(image))).toBe("LO_TALOS_REFUSED, none");
    }
    expect(await rig.machine.pullImage("ghcr.io/siderolabs/installer:v1.13.9")).toBe("ghcr.io/siderolabs/installer:v1.13.9");
    expect(await verdict(rig.machine.upgrade(rig.permit("upgrade"), installer("v1.13.10")))).toBe("LO_TALOS_REFUSED, none");
    expect(rig.box.effects).toEqual([]);
  });

  test("a version whose user space fails falls back silently: a new boot id, the old version, nothing pending", async () => {
    const rig = await createRig();
    rig.os.faults.badVersions.set("v1.13.10", "crashes");
    const before = await rig.machine.bootId();
    await pulledAndUpgraded(rig, "v1.13.10");
    await rig.machine.reboot(rig.permit("os-reboot"), "default");
    await until(() => expect(rig.os.boots).toHaveLength(3));
    expect(await outcome(rig)).toMatchObject({ tag: "v1.13.9", pending: false });
    expect(await rig.machine.bootId()).not.toBe(before);
    expect(rig.os.boots.map(({ version }) => version)).toEqual(["v1.13.9", "v1.13.10", "v1.13.9"]);
  });

  test("a kernel that hangs falls back to nothing", async () => {
    const rig = await createRig({ talos: { timeouts: { connect: 4000 } } });
    rig.os.faults.badVersions.set("v1.13.10", "hangs");
    await pulledAndUpgraded(rig, "v1.13.10");
    await rig.machine.reboot(rig.permit("os-reboot"), "default");
    await until(() => expect(rig.os.boots).toHaveLength(2));
    expect((await rig.machine.presence()).is).toBe("silent");
    rig.host.press("reset", "bmc");
    await until(() => expect(rig.os.boots).toHaveLength(3));
    expect((await rig.machine.presence()).is).toBe("silent");
  });

  test("kexec hides a system that firmware cannot start", async () => {
    const rig = await createRig({ talos: { timeouts: { connect: 4000 } } });
    rig.os.faults.badVersions.set("v1.13.10", "needs-kexec");
    await pulledAndUpgraded(rig, "v1.13.10");
    await rig.machine.reboot(rig.permit("os-reboot"), "default");
    await until(() => expect(rig.os.boots).toHaveLength(2));
    expect(await outcome(rig)).toMatchObject({ tag: "v1.13.10", pending: false });
    await rig.machine.reboot(rig.permit("os-reboot"), "power-cycle");
    await until(() => expect(rig.os.boots).toHaveLength(3));
    expect((await rig.machine.presence()).is).toBe("silent");
  });
});

test("a rollback starts the other slot, and is refused where there is none", async () => {
  const rig = await createRig();
  expect(await verdict(rig.machine.rollback(rig.permit("rollback")))).toBe("LO_TALOS_REFUSED, unknown");
  await pulledAndUpgraded(rig, "v1.13.10");
  await rig.machine.reboot(rig.permit("os-reboot"), "default");
  await until(() => expect(rig.os.boots).toHaveLength(2));
  expect((await outcome(rig)).tag).toBe("v1.13.10");
  await rig.machine.rollback(rig.permit("rollback"));
  await until(() => expect(rig.os.boots).toHaveLength(3));
  expect((await outcome(rig)).tag).toBe("v1.13.9");
});
