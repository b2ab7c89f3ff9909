import { describe, expect, test } from "vitest";
import { collect, createRig, until, verdict } from "./rig.ts";

const versions = ["v1.9.6", "v1.10.9", "v1.11.6", "v1.12.11", "v1.13.9", "v1.14.0-rc.1"];
const schematic = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

describe.each(versions)("Talos %s", (version) => {
  test("tells everything we ask of it", async () => {
    const { machine, host, os } = await createRig({ version });
    expect(await machine.presence()).toEqual({ is: "ours", seen: "a certificate for m1" });
    expect(await machine.version()).toEqual({ tag: version, arch: "amd64", mode: "metal" });
    expect(await machine.bootId()).toBe(host.bootId());
    expect(await machine.schematic()).toBe(schematic);
    expect(await machine.extensions()).toEqual([{ name: "iscsi-tools", version: "v0.2.0" }]);
    expect(await machine.upgradePending()).toBe(false);
    expect(await machine.system()).toEqual({ uuid: host.identity.uuid, serial: "SN-m1", manufacturer: "ACME", product: "Box1" });
    expect(await machine.nvidiaGpus()).toBe(2);
    expect((await machine.pciDevices())[0]).toEqual({
      address: "0000:01:00.0",
      vendorId: "0x8086",
      classId: "0x02",
      vendor: "Intel",
      driver: "igb",
    });
    expect(await machine.members()).toEqual([
      { name: "m1", hostname: "m1", addresses: ["127.0.0.1"], role: "worker", os: `Talos (${version})` },
    ]);
    expect(await machine.node()).toEqual({ name: "m1", addresses: ["127.0.0.1"] });
    expect(await machine.status()).toEqual({ stage: "running", ready: true, unmet: [] });
    os.enter("booting", false);
    expect(await machine.status()).toEqual({
      stage: "booting",
      ready: false,
      unmet: [{ name: "services", reason: "kubelet not healthy" }],
    });
    expect(await collect(machine.dmesg())).toEqual([expect.stringContaining("Linux version"), expect.stringContaining("[talos] booting")]);
  });

  test("names its disks by what does not change, and what lies on them", async () => {
    const { machine } = await createRig({ version });
    expect(await machine.disks()).toEqual([
      {
        device: "/dev/nvme0n1",
        size: 480_103_981_056,
        readonly: false,
        system: true,
        model: "LAB SSD",
        serial: "S-nvme0n1",
        wwid: "eui.0025388bnvme0n1",
        transport: "nvme",
        signatures: [
          { volume: "nvme0n1", found: "gpt", foreign: false },
          { volume: "nvme0n1p1", found: "vfat", foreign: false, label: "EFI" },
          { volume: "nvme0n1p3", found: "talosmeta", foreign: false, label: "META" },
          { volume: "nvme0n1p4", found: "xfs", foreign: false, label: "STATE" },
          { volume: "nvme0n1p5", found: "xfs", foreign: false, label: "EPHEMERAL" },
        ],
      },
      {
        device: "/dev/sda",
        size: 4_000_787_030_016,
        readonly: false,
        system: false,
        serial: "WD-0042",
        wwid: "naa.50014ee2",
        signatures: [{ volume: "sda", found: "bluestore", foreign: true }],
      },
    ]);
  });
});

test("a partition of somebody else's is foreign even when nothing was recognized in it", async () => {
  const { machine, box } = await createRig();
  box.disks = [
    {
      id: "sdb",
      size: 1000,
      serial: "0007",
      wwid: "1e3",
      signatures: [
        { id: "sdb", name: "gpt" },
        { id: "sdb1", name: "", partition: "Basic data partition" },
        { id: "sdb2", name: "lvm2" },
        { id: "sdb3", name: "xfs", partition: "u-scratch" },
      ],
    },
  ];
  const [disk] = await machine.disks();
  expect(disk).toMatchObject({ serial: "0007", wwid: "1e3" });
  expect(disk?.signatures.map(({ volume, foreign }) => [volume, foreign])).toEqual([
    ["sdb", false],
    ["sdb1", true],
    ["sdb2", true],
    ["sdb3", false],
  ]);
});

test.each(versions)("Talos %s tells its whole configuration to an admin, as it was handed over, and to nobody else", async (version) => {
  const { machine, os } = await createRig({ version });
  os.config = "version: v1alpha1 # by hand\nmachine:\n  token: 'aa.bb'\n---\napiVersion: v1alpha1\nkind: HostnameConfig\nhostname: m1\n";
  expect(await machine.configuration()).toBe(os.config);
  os.config = " ";
  expect(await verdict(machine.configuration())).toBe("LO_TALOS_PROTOCOL, none");
  const reader = await createRig({ version, roles: ["os:reader"] });
  expect(await verdict(reader.machine.configuration())).toBe("LO_TALOS_AUTH, none");
});

test("an image that no factory made has no schematic, with and without the resource of 1.14", async () => {
  for (const version of ["v1.13.9", "v1.14.0"]) {
    const { machine } = await createRig({ version, schematic: undefined });
    expect(await machine.schematic()).toBeUndefined();
  }
});

test("an upgrade is pending until the new boot has become ready", async () => {
  const { machine, os } = await createRig();
  os.upgradePending = true;
  expect(await machine.upgradePending()).toBe(true);
});

test("a kubeconfig is unpacked from what a control plane sends, and a worker has none", async () => {
  const controlPlane = await createRig({ role: "control-plane" });
  expect(await controlPlane.machine.kubeconfig()).toBe("apiVersion: v1\nkind: Config\nclusters: []\n");
  const worker = await createRig();
  expect(await verdict(worker.machine.kubeconfig())).toBe("unsupported");
});

test("dmesg follows until its reader has enough", async () => {
  const { machine, box } = await createRig();
  for await (const line of machine.dmesg({ follow: true, tail: true })) {
    expect(line).toContain("tick");
    break;
  }
  const stop = new AbortController();
  const reading = collect(machine.dmesg({ follow: true }, stop.signal));
  await until(() => expect(box.calls.filter(({ method }) => method === "Dmesg")).toHaveLength(2));
  stop.abort(new Error("enough"));
  await expect(reading).rejects.toThrow("enough");
});

test("a read is stopped by its signal, before and while it waits", async () => {
  const { machine, os } = await createRig();
  await expect(machine.version(AbortSignal.abort(new Error("no need")))).rejects.toThrow("no need");
  os.faults.silent.add("Version");
  const stop = new AbortController();
  const reading = machine.version(stop.signal);
  stop.abort(new Error("no need any more"));
  await expect(reading).rejects.toThrow("no need any more");
});

test("machines without an address are said so at once, and what is asked of a closed client fails", async () => {
  const { talos, machine } = await createRig();
  expect(() => talos.of("m9")).toThrow("m9: talos: no address of it is known");
  await machine.version();
  await talos.close();
  expect(await verdict(machine.version())).toBe("LO_TALOS_UNREACHABLE, none");
});
