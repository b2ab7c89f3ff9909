import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serveHttp } from "#adapters/http/mod.ts";
import { createArms, createAssets, createDnsmasqConfig, createNetboot, type NetbootNotice } from "#adapters/netboot/mod.ts";
import { createMemoryStore, systemClock } from "#events";
import { fill } from "#test/adapters/netboot/rig.ts";
import { bootDisk, tinyKernel } from "#test/peers/ipxe-images.ts";
import { peer } from "#test/peers/peer.ts";

const qemu = peer("qemu-system-x86_64", "qemu-system-x86");
const dnsmasq = peer("dnsmasq", "dnsmasq-base");
const iproute = peer("ip", "iproute2") ?? "";
const ipxe = "/usr/lib/ipxe/ipxe.lkrn";
const run = promisify(execFile);
const ip = (...args: string[]) => run(iproute, args);

const space = `lo${process.pid}`;
const dhcpSpace = `${space}d`;
const inSpace = (name: string, ...args: string[]) => ["netns", "exec", name, ...args];
const machine = { name: "gpu-02", uuid: "11111111-2222-3333-4444-555555555555", macs: ["52:54:00:aa:bb:01"], address: "192.0.2.22" };
const url = "http://192.0.2.3:8080";
const profile = { kernel: "s/v1/kernel-amd64", initramfs: "s/v1/initramfs-amd64.xz", args: ["talos.platform=metal"] };

function pair(a: Socket, b: Socket): void {
  a.pipe(b).pipe(a);
  a.on("error", () => b.destroy());
  b.on("error", () => a.destroy());
}

/** Whether this machine may make network namespaces, and bridges and taps in them: as root, outside of most containers. */
async function mayMakeNetworks(): Promise<boolean> {
  try {
    await ip("netns", "add", `${space}t`);
    await ip(...inSpace(`${space}t`, "ip", "link", "add", "br0", "type", "bridge"));
    await ip(...inSpace(`${space}t`, "ip", "tuntap", "add", "tap0", "mode", "tap"));
    return true;
  } catch {
    return false;
  } finally {
    await ip("netns", "del", `${space}t`).catch(() => undefined);
  }
}

const runs = iproute !== "" && qemu !== undefined && dnsmasq !== undefined && existsSync(ipxe) && (await mayMakeNetworks());

describe.skipIf(!runs)("a real iPXE, DHCP and TFTP by the generated configuration", () => {
  let folder: string;
  let close: () => Promise<void>;
  const notices: NetbootNotice[] = [];
  const arms = createArms({ kv: createMemoryStore().kv, clock: systemClock });
  const children = new Set<ChildProcess>();

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "ipxe-dhcp-"));
    await mkdir(join(folder, "tftp"));
    await writeFile(join(folder, "tftp", "undionly.kpxe"), "over TFTP");
    await fill(join(folder, "cache"), { [profile.kernel]: tinyKernel(), [profile.initramfs]: Buffer.alloc(50_000, 7) });
    await writeFile(join(folder, "disk.img"), bootDisk());
    // Machine and dnsmasq are in one namespace on a bridge; the second is for somebody else's DHCP server.
    await ip("netns", "add", space);
    await ip("netns", "add", dhcpSpace);
    await ip(...inSpace(space, "ip", "link", "add", "up1", "type", "veth", "peer", "name", "eth0", "netns", dhcpSpace));
    await ip(...inSpace(space, "ip", "link", "add", "br0", "type", "bridge", "stp_state", "0", "forward_delay", "0"));
    await ip(...inSpace(space, "ip", "tuntap", "add", "tap0", "mode", "tap"));
    for (const port of ["up1", "tap0"]) await ip(...inSpace(space, "ip", "link", "set", port, "master", "br0", "up"));
    await ip(...inSpace(space, "ip", "addr", "add", "192.0.2.3/24", "dev", "br0"));
    await ip(...inSpace(space, "ip", "link", "set", "br0", "up"));
    await ip(...inSpace(dhcpSpace, "ip", "addr", "add", "192.0.2.4/24", "dev", "eth0"));
    await ip(...inSpace(dhcpSpace, "ip", "link", "set", "eth0", "up"));

    const assets = createAssets({ folder: join(folder, "cache") });
    const onNotice = (notice: NetbootNotice) => notices.push(notice);
    const app = createNetboot({ url, machines: () => [machine], arms, assets, config: async () => "machine: {}\n", onNotice });
    const server = await serveHttp({ fetch: app.fetch, guarded: true, endStreams: () => undefined }, { listen: "127.0.0.1:0" });
    // A socket in the file system is the one thing that both sides of a namespace see.
    const socket = join(folder, "boot.sock");
    const bridge = createServer((from) => pair(from, connect(Number(new URL(server.url).port), "127.0.0.1")));
    await new Promise<void>((resolve) => bridge.listen(socket, resolve));
    const inside = `const n=require("node:net");n.createServer((a)=>{const b=n.connect(process.argv[1]);a.pipe(b).pipe(a);a.on("error",()=>b.destroy());b.on("error",()=>a.destroy())}).listen(8080,"192.0.2.3",()=>console.log("up"))`;
    const forwarder = spawn(iproute, inSpace(space, process.execPath, "-e", inside, socket), { stdio: ["ignore", "pipe", "inherit"] });
    children.add(forwarder);
    await once(forwarder.stdout, "data");
    close = async () => {
      bridge.close();
      await server.close();
    };
  });
  afterAll(async () => {
    for (const child of children) child.kill("SIGKILL");
    await close?.();
    for (const name of [space, dhcpSpace]) await ip("netns", "del", name).catch(() => undefined);
    await rm(folder, { recursive: true, force: true });
  });

  /** A dnsmasq that has begun to serve; gives what ends it. */
  async function serve(name: string, config: string): Promise<() => Promise<void>> {
    const file = join(folder, `${name}.conf`);
    await writeFile(file, config);
    const args = ["-k", "-C", file, "--user=root", `--dhcp-leasefile=${join(folder, `${name}.leases`)}`, "--pid-file=", "--log-facility=-"];
    const child = spawn(iproute, inSpace(name, dnsmasq ?? "", ...args), { stdio: ["ignore", "ignore", "pipe"] });
    children.add(child);
    let said = "";
    await new Promise<void>((resolve, reject) => {
      child.stderr.on("data", (chunk: Buffer) => {
        said += chunk.toString();
        if (/IP range|proxy on subnet|static leases only/.test(said)) resolve();
      });
      child.once("exit", () => reject(new Error(`dnsmasq ended: ${said}`)));
    });
    return async () => {
      child.removeAllListeners("exit").kill("SIGTERM");
      await once(child, "exit");
      children.delete(child);
    };
  }

  /** Starts the machine and gives what it printed until it stopped itself. */
  async function start(name: string): Promise<string> {
    const serial = join(folder, `${name}.serial`);
    const script = `ifconf -c dhcp net0 && imgfetch tftp://192.0.2.3/undionly.kpxe && imgstat && imgfree && echo address \${net0/ip} && chain \${filename}`;
    const args = [
      ...["-machine", "pc,graphics=off,accel=tcg", "-m", "64", "-nodefaults", "-display", "none", "-no-reboot", "-uuid", machine.uuid],
      ...["-serial", `file:${serial}`, "-device", "isa-debug-exit", "-netdev", "tap,id=n0,ifname=tap0,script=no,downscript=no"],
      ...["-device", `virtio-net-pci,netdev=n0,mac=${machine.macs[0]},romfile=`],
      ...["-drive", `file=${join(folder, "disk.img")},format=raw,if=none,id=d0,snapshot=on`, "-device", "ide-hd,drive=d0,bootindex=2"],
      ...["-kernel", ipxe, "-append", script],
    ];
    const child = spawn(iproute, inSpace(space, qemu ?? "", ...args), { stdio: "ignore" });
    children.add(child);
    await once(child, "exit");
    children.delete(child);
    return readFile(serial, "latin1");
  }

  it("as the network's DHCP server, and beside another's", async () => {
    const common = { interface: "br0", url, tftpRoot: join(folder, "tftp"), machines: [machine], subnet: "192.0.2.0" };
    const stopDhcp = await serve(space, createDnsmasqConfig({ ...common, mode: "dhcp", netmask: "255.255.255.0" }));
    const unarmed = await start("unarmed");
    await stopDhcp();
    expect(unarmed).toContain("undionly.kpxe : 9 bytes");
    expect(unarmed).toContain("address 192.0.2.22");
    expect(unarmed).toContain("LOCAL-DISK-BOOT");
    expect(notices).toMatchObject([{ what: "script-disk", machine: "gpu-02", detail: "not armed" }]);

    const token = await arms.arm("gpu-02", { run: "r1", profile, within: "10m" });
    const others = "port=0\ninterface=eth0\nbind-interfaces\nno-ping\ndhcp-range=192.0.2.50,192.0.2.50,255.255.255.0,1h\n";
    const stopOthers = await serve(dhcpSpace, others);
    const stopProxy = await serve(space, createDnsmasqConfig({ ...common, mode: "proxy" }));
    const armed = await start("armed");
    await stopProxy();
    await stopOthers();
    expect(armed).toContain("address 192.0.2.50");
    expect(armed).toContain(`talos.config=${url}/config/${token}`);
  }, 60_000);
});
