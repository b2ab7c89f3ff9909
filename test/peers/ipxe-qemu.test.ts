import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveHttp } from "#adapters/http/mod.ts";
import { createArms, createAssets, createNetboot, type NetbootNotice } from "#adapters/netboot/mod.ts";
import type { BootProfile, DiskBoot } from "#adapters/netboot/port.ts";
import { createMemoryStore, systemClock } from "#events";
import { fill } from "#test/adapters/netboot/rig.ts";
import { bootDisk, tinyKernel } from "#test/peers/ipxe-images.ts";
import { peer } from "#test/peers/peer.ts";

const qemu = peer("qemu-system-x86_64", "qemu-system-x86");
const ipxe = "/usr/lib/ipxe/ipxe.lkrn";
const machine = {
  name: "gpu-02",
  uuid: "11111111-2222-3333-4444-555555555555",
  serial: "SN 00+01/2",
  macs: ["52:54:00:aa:bb:01"],
};
const profile: BootProfile = {
  kernel: "s/v1/kernel-amd64",
  initramfs: "s/v1/initramfs-amd64.xz",
  args: ["console=ttyS0", "talos.platform=metal"],
};

describe.skipIf(!qemu || !(existsSync(ipxe) || process.env.PEERS_REQUIRED === "1"))("a real iPXE", () => {
  let folder: string;
  let url: string;
  let stop: () => Promise<void>;
  let way: DiskBoot = "auto";
  const notices: NetbootNotice[] = [];
  const arms = createArms({ kv: createMemoryStore().kv, clock: systemClock });
  const running = new Set<ChildProcess>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ipxe-"));
    await fill(join(folder, "cache"), { [profile.kernel]: tinyKernel(), [profile.initramfs]: Buffer.alloc(200_000, 7) });
    await writeFile(join(folder, "disk.img"), bootDisk());
    // The port is known only once it listens, and the address stands in every script.
    let app: ReturnType<typeof createNetboot> | undefined;
    const server = await serveHttp(
      {
        fetch: (request, env) => app?.fetch(request, env) ?? new Response(null, { status: 503 }),
        guarded: true,
        endStreams: () => undefined,
      },
      { listen: "127.0.0.1:0" },
    );
    stop = () => server.close();
    // QEMU's own network reaches this machine at 10.0.2.2.
    url = server.url.replace("127.0.0.1", "10.0.2.2");
    app = createNetboot({
      url,
      machines: () => [machine],
      arms,
      assets: createAssets({ folder: join(folder, "cache") }),
      config: async () => "machine: {}\n",
      diskBoot: () => way,
      onNotice: (notice) => notices.push(notice),
    });
  });
  afterAll(async () => {
    for (const child of running) child.kill("SIGKILL");
    await stop();
    await rm(folder, { recursive: true, force: true });
  });

  /** Starts the machine, network first, and gives what it printed until it stopped itself. */
  async function start(name: string): Promise<string> {
    const serial = join(folder, `${name}.serial`);
    const network = "ifopen net0 && set net0/ip 10.0.2.15 && set net0/netmask 255.255.255.0 && set net0/gateway 10.0.2.2";
    const child = spawn(
      qemu ?? "",
      [
        ...["-name", name, "-machine", "pc,graphics=off,accel=tcg", "-m", "64", "-nodefaults", "-display", "none", "-no-reboot"],
        ...["-serial", `file:${serial}`, "-device", "isa-debug-exit", "-boot", "menu=off"],
        ...["-uuid", machine.uuid, "-smbios", `type=1,manufacturer=ACME,product=Box1,serial=${machine.serial}`],
        ...["-netdev", "user,id=n0", "-device", `virtio-net-pci,netdev=n0,mac=${machine.macs[0]},romfile=`],
        ...["-drive", `file=${join(folder, "disk.img")},format=raw,if=none,id=d0,snapshot=on`, "-device", "ide-hd,drive=d0,bootindex=2"],
        ...["-kernel", ipxe, "-append", `${network} && chain --autofree ${url}/boot.ipxe`],
      ],
      { stdio: "ignore" },
    );
    running.add(child);
    await once(child, "exit");
    running.delete(child);
    return readFile(serial, "latin1");
  }

  it("un-armed falls through to the disk, armed boots what it is armed for, and taken falls through again", async () => {
    for (const how of ["auto", "sanboot"] as const) {
      way = how;
      expect(await start(`unarmed-${how}`)).toContain("LOCAL-DISK-BOOT");
    }
    expect(notices.map(({ what, machine: name, detail }) => [what, name, detail])).toEqual(
      Array(2).fill(["script-disk", "gpu-02", "not armed"]),
    );

    const token = await arms.arm("gpu-02", { run: "r1", profile, within: "10m" });
    const printed = await start("armed");
    expect(printed).toContain(`initrd=initramfs-amd64.xz console=ttyS0 talos.platform=metal talos.config=${url}/config/${token}`);
    expect(printed).not.toContain("LOCAL-DISK-BOOT");
    const stages = async () => (await arms.of("gpu-02"))?.evidence.map(({ stage }) => stage);
    await expect.poll(stages).toEqual(["armed", "script-fetched", "kernel-sent", "initramfs-sent"]);

    await arms.take(token, "10.0.2.15");
    expect(await start("taken")).toContain("LOCAL-DISK-BOOT");
  }, 60_000);
});
