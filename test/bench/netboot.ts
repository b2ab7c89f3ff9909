import { createReadStream } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { serveHttp } from "#adapters/http/mod.ts";
import { createArms, createAssets, createNetboot } from "#adapters/netboot/mod.ts";
import type { BootProfile } from "#adapters/netboot/port.ts";
import { type EventStore, systemClock } from "#events";
import { fill } from "#test/adapters/netboot/rig.ts";
import { onEachStore } from "./stores.ts";

const count = 500;
const profile: BootProfile = { kernel: "s/v1/kernel-amd64", initramfs: "s/v1/initramfs-amd64.xz", args: ["talos.platform=metal"] };
const config = "machine:\n".padEnd(16_000, "# a machine configuration of a usual size\n");
const macOf = (at: number) => `52:54:00:00:${(at >> 8).toString(16).padStart(2, "0")}:${(at & 255).toString(16).padStart(2, "0")}`;
const machines = Array.from({ length: count }, (_, at) => ({ name: `machine-${at}`, macs: [macOf(at)] }));
const paths = machines.map(({ macs }) => [
  "/boot.ipxe",
  `/ipxe?mac=${macs[0]}`,
  "/boot/TOKEN/kernel-amd64",
  "/boot/TOKEN/initramfs-amd64.xz",
  "/config/TOKEN",
]);
const unarmed = paths.map((all) => all.slice(0, 2));

/**
 * 500 machines at once: all armed (scripts, kernel, initramfs and configuration, every stage recorded in the store), and none armed (scripts
 * only, as after a power cut), each beside a bare node:http server that sends the same bytes and records nothing. The best of three rounds,
 * in turn, counts: both share the machine with whatever else runs on it.
 */
export async function netboot(): Promise<Record<string, number>> {
  const folder = await mkdtemp(join(tmpdir(), "bench-netboot-"));
  await fill(folder, { [profile.kernel]: Buffer.alloc(256 * 1024, 1), [profile.initramfs]: Buffer.alloc(1024 * 1024, 2) });
  const ratios: Record<string, number> = {};
  try {
    await onEachStore(async (name, store) => {
      const servers = { ours: await startOurs(folder, store), raw: await startRaw(folder) };
      const best = { ours: { armed: Infinity, unarmed: Infinity }, raw: { armed: Infinity, unarmed: Infinity } };
      for (let round = 0; round < 3; round += 1) {
        for (const who of ["ours", "raw"] as const) {
          best[who].unarmed = Math.min(best[who].unarmed, await storm(servers[who].url, unarmed));
          await servers[who].arm(`round-${round}`);
          best[who].armed = Math.min(best[who].armed, await storm(servers[who].url, paths));
        }
      }
      for (const kind of ["armed", "unarmed"] as const) {
        const [a, b] = [best.ours[kind], best.raw[kind]];
        ratios[`${name} ${kind}`] = Math.round((b / a) * 100) / 100;
        process.stdout.write(
          `${name}, ${count} ${kind} machines: ${a.toFixed(0)} ms; node:http ${b.toFixed(0)} ms; ratio ${ratios[`${name} ${kind}`]}\n`,
        );
      }
      await servers.ours.close();
      await servers.raw.close();
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return ratios;
}

interface Running {
  readonly url: string;
  arm(run: string): Promise<void>;
  close(): Promise<void>;
}

async function startOurs(folder: string, store: EventStore): Promise<Running> {
  const arms = createArms({ kv: store.kv, clock: systemClock });
  const url = "http://10.0.0.1:7481";
  const app = createNetboot({ url, machines: () => machines, arms, assets: createAssets({ folder }), config: async () => config });
  const server = await serveHttp({ fetch: app.fetch, guarded: true, endStreams: () => undefined }, { listen: "127.0.0.1:0" });
  return {
    url: server.url,
    async arm(run) {
      for (const { name } of machines) {
        await arms.disarm(name, { why: "the next round" });
        await arms.arm(name, { run, profile, within: "1h" });
      }
    },
    close: () => server.close(),
  };
}

async function startRaw(folder: string): Promise<Running> {
  const script = "x".repeat(400);
  const files = [profile.kernel, profile.initramfs].map((path) => join(folder, path));
  const server = createServer((request, reply) => {
    const file = files.find((one) => request.url?.endsWith(one.slice(one.lastIndexOf("/"))));
    if (file) {
      reply.writeHead(200, { "content-length": file === files[0] ? 256 * 1024 : 1024 * 1024 });
      createReadStream(file).pipe(reply);
    } else {
      const text = request.url?.startsWith("/config") ? config : script;
      reply.writeHead(200, { "content-type": "text/plain", "content-length": Buffer.byteLength(text) }).end(text);
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => new Promise<void>((resolve) => void server.close(() => resolve()));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, arm: async () => undefined, close };
}

/** Milliseconds until the last machine has everything. */
function storm(url: string, all: readonly (readonly string[])[]): Promise<number> {
  return new Promise((resolve, reject) => {
    new Worker(new URL("./netboot-client.ts", import.meta.url), { workerData: { url, machines: all } })
      .once("message", resolve)
      .once("error", reject);
  });
}
