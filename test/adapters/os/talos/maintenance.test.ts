import { describe, expect, test } from "vitest";
import { authority, createRig, rejection, until, verdict } from "./rig.ts";

const config = (image = `factory.talos.dev/metal-installer/${"b".repeat(64)}:v1.13.9`) =>
  `version: v1alpha1\nmachine:\n  type: worker\n  install:\n    disk: /dev/nvme0n1\n    image: ${image}\n`;

describe.each(["v1.9.6", "v1.10.9", "v1.12.11", "v1.13.9", "v1.14.0"])("Talos %s without a configuration", (version) => {
  test("can be read and configured, and comes back as ours", async () => {
    const { machine, host, box, os, permit } = await createRig({ version, maintenance: true });
    const { maintenance } = machine;
    const tag = version === "v1.9.6" ? undefined : version;
    expect((await maintenance.version())?.tag).toBe(tag);
    expect((await maintenance.system()).uuid).toBe(host.identity.uuid);
    expect(await maintenance.status()).toEqual({ stage: "maintenance", ready: true, unmet: [] });
    expect((await maintenance.disks()).map(({ device, system }) => [device, system])).toEqual([
      ["/dev/nvme0n1", false],
      ["/dev/sda", false],
    ]);
    expect(await maintenance.pciDevices()).toHaveLength(4);
    expect((await maintenance.diffConfiguration(config())).details).toContain("+  type: worker");
    expect(box.effects).toEqual([]);

    const before = host.bootId();
    expect(await maintenance.applyConfiguration(permit("configure"), config())).toMatchObject({ mode: "no-reboot" });
    expect(box.effects).toEqual(["apply AUTO"]);
    await until(() => expect(os.stage()).toBe("running"));
    expect(await machine.bootId()).not.toBe(before);
    expect(await machine.version()).toMatchObject({ tag: "v1.13.9" });
    expect(await machine.schematic()).toBe("b".repeat(64));
    expect(await verdict(maintenance.system())).toBe("LO_TALOS_CERTIFICATE, none");
  });
});

test("a configuration without its main document is kept, and the machine stays in maintenance", async () => {
  const { machine, os, permit } = await createRig({ maintenance: true });
  await machine.maintenance.applyConfiguration(
    permit("configure"),
    "apiVersion: v1alpha1\nkind: EventSinkConfig\nendpoint: 10.0.0.1:4000\n",
  );
  expect(await machine.maintenance.status()).toMatchObject({ stage: "maintenance" });
  expect(os.config).toBeUndefined();
});

test("the secrets go to no machine that is configured already, to no other machine, and not through a closed gate", async () => {
  const ours = await createRig();
  const give = (rig: typeof ours, gate: () => void = () => undefined) =>
    rig.machine.maintenance.applyConfiguration(rig.permit("configure", { gate }), config());
  expect(await rejection(give(ours))).toMatchObject({
    code: "LO_TALOS_CERTIFICATE",
    effect: "none",
    hint: expect.stringContaining("wipe it first"),
  });
  const stranger = await createRig({ maintenance: true });
  stranger.os.faults.reports = { uuid: "11111111-2222-3333-4444-555555555555" };
  expect(await verdict(give(stranger))).toBe("LO_TALOS_IDENTITY, none");
  const late = await createRig({ maintenance: true });
  const error = new Error("closed");
  expect(
    await rejection(
      give(late, () => {
        throw error;
      }),
    ),
  ).toBe(error);
  for (const { box } of [ours, stranger, late]) expect(box.effects).toEqual([]);
});

test("a fingerprint from the console pins the machine's key", async () => {
  let fingerprint = "";
  const { machine, box } = await createRig({ maintenance: true, talos: { fingerprintOf: () => fingerprint } });
  expect(await rejection(machine.maintenance.system())).toMatchObject({
    code: "LO_TALOS_CERTIFICATE",
    message: expect.stringContaining(box.fingerprint),
  });
  fingerprint = box.fingerprint;
  expect((await machine.maintenance.system()).serial).toBe("SN-m1");
});

test("a machine whose maintenance API is not trusted by anybody gives nothing away to us as its cluster", async () => {
  const { machine, box } = await createRig({ maintenance: true, signedBy: authority });
  expect(await verdict(machine.version())).toBe("LO_TALOS_CERTIFICATE, none");
  expect(box.calls).toEqual([]);
});

test("who waits in maintenance cannot be rebooted over this API in any version", async () => {
  const { machine, permit, box } = await createRig({ maintenance: true });
  expect(await verdict(machine.reboot(permit("os-reboot"), "power-cycle"))).toBe("LO_TALOS_CERTIFICATE, none");
  expect(await verdict(machine.shutdown(permit("os-shutdown")))).toBe("LO_TALOS_CERTIFICATE, none");
  expect(box.effects).toEqual([]);
});
