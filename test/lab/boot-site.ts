import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { serveHttp } from "#adapters/http/mod.ts";
import { composeMachineConfig } from "#adapters/machineconfig/mod.ts";
import { createArms, createAssets, createNetboot, createProfile } from "#adapters/netboot/mod.ts";
import { createTalos } from "#adapters/os/talos/mod.ts";
import { type ActVerb, createMemoryStore } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { createRack, type Rack, type RackMachine } from "./rack.ts";

export const schematic = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";
const scale = 40;

/** The rack with a boot server of ours and our client of its Talos; both end with the test. */
export async function createSite(machines: readonly RackMachine[], options: { config?: (machine: string) => string } = {}) {
  const rack = await createRack({ machines, scale });
  const programs = await mkdtemp(join(tmpdir(), "lab-ipxe-"));
  await writeFile(join(programs, "snponly.efi"), "MZ");
  const folder = await mkdtemp(join(tmpdir(), "lab-"));
  const { clock } = rack;
  const arms = createArms({ kv: createMemoryStore({ clock }).kv, clock });
  const assets = createAssets({ folder, source: { url: `${rack.assets.url}/image` } });
  const config = options.config ?? ((machine: string) => configFor(rack, machine));
  let app: ReturnType<typeof createNetboot> | undefined;
  const server = await serveHttp(
    {
      fetch: (request, env) => app?.fetch(request, env) ?? new Response("early", { status: 503 }),
      guarded: true,
      endStreams: () => undefined,
    },
    { listen: "127.0.0.1:0" },
  );
  const inventory = machines.map(({ name }) => {
    const { identity, macs } = rack.host(name);
    return { name, uuid: identity.uuid, serial: identity.serial, macs };
  });
  app = createNetboot({ url: server.url, machines: () => inventory, arms, assets, programs, config: async (machine) => config(machine) });
  rack.bootFrom(server.url);
  const talos = createTalos({
    talosconfig: { text: rack.talosconfig },
    addressOf(machine) {
      const address = rack.osAddress(machine);
      return address && { host: address.host, port: address.talosPort };
    },
    clock,
    timeouts: { connect: 3000 * scale, call: 3000 * scale, long: 5000 * scale },
  });
  onTestFinished(async () => {
    await talos.close();
    await rack.close();
    await server.close();
    for (const one of [folder, programs]) await rm(one, { recursive: true, force: true });
  });
  return {
    rack,
    arms,
    url: server.url,
    assets,
    talos: (machine: string) => talos.of(machine),
    permit: (machine: string, verb: ActVerb) =>
      mintPermit({ run: "r1", step: "s", attempt: 1, machine, verb, gate() {}, signal: new AbortController().signal }),
    /** Arms a machine for the plain schematic. */
    async arm(machine: string, { wipe = false, version = "v1.13.9" } = {}) {
      const profile = await createProfile(assets, { schematic, version, arch: "amd64", wipe });
      await arms.arm(machine, { run: "r1", profile, within: "2h" });
    },
  };
}

/** The configuration that a machine of the rack is to be installed with. */
export function configFor(
  rack: Rack,
  machine: string,
  more: { role?: "worker" | "control-plane"; serial?: string; version?: string; labels?: Record<string, string>; patches?: string[] } = {},
): string {
  const { role = "worker", version = "v1.13.9", serial = `DISK-${machine.toUpperCase()}`, labels = {}, patches = [] } = more;
  const facts = { hostname: machine, role, installer: { schematic, version }, disk: { serial }, labels };
  return composeMachineConfig({ base: rack.base(role), patches, facts }).text;
}
