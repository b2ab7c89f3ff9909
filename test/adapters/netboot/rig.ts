import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { onTestFinished } from "vitest";
import { serveHttp } from "#adapters/http/mod.ts";
import {
  type BootServer,
  createArms,
  createAssets,
  createNetboot,
  type NetbootNotice,
  type NetbootOptions,
} from "#adapters/netboot/mod.ts";
import type { Bootable, BootProfile } from "#adapters/netboot/port.ts";
import { type Clock, createMemoryStore, type EventStore, systemClock } from "#events";

export const schematic = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

export const profile: BootProfile = {
  kernel: `${schematic}/v1.13.9/kernel-amd64`,
  initramfs: `${schematic}/v1.13.9/initramfs-amd64.xz`,
  args: ["talos.platform=metal", "slab_nomerge", "pti=on"],
};

export const gpu02: Bootable = {
  name: "gpu-02",
  uuid: "4c4c4544-0043-3010-8052-b4c04f564231",
  serial: "SN-GPU-02",
  macs: ["3c:ec:ef:12:34:56", "3c:ec:ef:12:34:57"],
};
const worker01: Bootable = { name: "worker-01", uuid: "00000000-0000-0000-0000-000000000000", macs: ["00:25:90:aa:bb:cc"] };

/** Content for a cache folder, listed as `sha256sum` does. */
export async function fill(folder: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  const lists = new Map<string, string>();
  for (const [path, content] of Object.entries(files)) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    const sum = createHash("sha256").update(content).digest("hex");
    lists.set(dirname(file), `${lists.get(dirname(file)) ?? ""}${sum}  ${path.slice(path.lastIndexOf("/") + 1)}\n`);
  }
  for (const [at, list] of lists) await writeFile(join(at, "SHA256SUMS"), list);
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "netboot-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Serves an app on a free port until the test ends. */
export async function served(app: BootServer["fetch"]): Promise<string> {
  const server = await serveHttp({ fetch: app, guarded: true, endStreams: () => undefined }, { listen: "127.0.0.1:0" });
  onTestFinished(() => server.close());
  return server.url;
}

/** A boot server with two machines and the files of `profile`. */
export async function createRig(more: Partial<NetbootOptions> & { clock?: Clock; store?: EventStore; bootUrl?: string } = {}) {
  const { clock = systemClock, store = createMemoryStore({ clock }) } = more;
  const folder = await temporaryFolder();
  const kernel = Buffer.alloc(600_000, "kernel ");
  await fill(folder, { [profile.kernel]: kernel, [profile.initramfs]: Buffer.alloc(300_000, "initramfs ") });
  const arms = createArms({ kv: store.kv, clock });
  const notices: NetbootNotice[] = [];
  const app = createNetboot({
    url: more.bootUrl ?? "http://boot.example:7481",
    machines: () => machines,
    arms,
    assets: createAssets({ folder }),
    config: async (machine, run) => `# for ${machine}, ${run}\nmachine: {}\n`,
    onNotice: (notice) => notices.push(notice),
    ...more,
  });
  const url = await served(app.fetch);
  const get = (path: string, init?: RequestInit) => fetch(`${url}${path}`, init);
  return {
    app,
    arms,
    folder,
    get,
    kernel,
    notices,
    url,
    script: async (query: string) => (await get(`/ipxe?${query}`)).text(),
    arm: (machine = "gpu-02", run = "r1", extra: Partial<BootProfile> = {}) =>
      arms.arm(machine, { run, profile: { ...profile, ...extra }, within: "1h" }),
  };
}

const machines: readonly Bootable[] = [gpu02, worker01];
