import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nvidiaModules } from "#adapters/machineconfig/mod.ts";
import type { RuntimeLog } from "#events";
import { createRack, type Rack, type RackMachine } from "#test/lab/rack.ts";
import { compose, type Lightsout } from "./compose.ts";
import { parseConfig } from "./load.ts";

/** Lightsout with a simulated rack of its own. */
export interface Lab {
  readonly rack: Rack;
  readonly lightsout: Lightsout;
  close(): Promise<void>;
}

/** What a person writes of the Talos and the network boot of this rack: declared as it runs, with everything that it needs at hand. */
function declared(rack: Rack, folder: string) {
  const write = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return `./${name}`;
  };
  const network = { apiVersion: "apps/v1", kind: "DaemonSet", metadata: { name: "lab-cni", namespace: "kube-system" } };
  return {
    talos: {
      talosconfig: write("talosconfig", rack.talosconfig),
      base: { controlPlane: write("controlplane.yaml", rack.base("control-plane")), worker: write("worker.yaml", rack.base("worker")) },
      version: "v1.13.9",
      kubernetes: "v1.36.3",
    },
    netboot: { listen: "127.0.0.1:0", assets: "./assets", source: `${rack.assets.url}/image` },
    snapshots: { to: "./snapshots" },
    cluster: { kubeconfig: "./kubeconfig" },
    cni: { manifests: [write("cni.yaml", JSON.stringify(network))] },
    storage: "none",
    serving: "approve",
    upgrade: { soak: "1m", within: "15m" },
  };
}

/**
 * Starts the lab: seven mixed machines on real wire protocols, and Lightsout over them, trusted from the start.
 * @param store `embedded` (a temporary file; the default) or the URL of a NATS server
 * @param scale how much faster than the wall the machines and the runtime live; default 20
 * @param stopFile default one in a folder that is nobody's
 * @param machines default the closet of the lab, all of them installed
 */
export async function startLab(options: {
  log: RuntimeLog;
  store?: string;
  listen?: string;
  scale?: number;
  stopFile?: string;
  machines?: readonly RackMachine[];
}): Promise<Lab> {
  const { log, store = "embedded", listen = "127.0.0.1:0", scale = 20, stopFile = "./STOP" } = options;
  const folder = mkdtempSync(join(tmpdir(), "lightsout-lab-"));
  const rack = await createRack({ scale, ...(options.machines && { machines: options.machines }) });
  const written = store === "embedded" ? `{ embedded: { path: ${join(folder, "lab.db")} } }` : store;
  try {
    const moreOf = ({ gpus = 0, name }: RackMachine) => ({
      talos: { ...rack.declared(name), ...(gpus > 0 && { modules: nvidiaModules }) },
    });
    const yaml = rack.yaml({ store: written, listen, more: { ...declared(rack, folder), stopFile }, moreOf });
    const config = parseConfig(yaml, { file: "the lab's configuration", folder, env: rack.env });
    const lightsout = await compose(config, {
      log,
      clock: rack.clock,
      osAddress: rack.osAddress,
      kubeconfigText: rack.kube.kubeconfig,
    });
    rack.bootFrom(lightsout.bootUrl);
    const close = async () => {
      await lightsout.close();
      await rack.close();
      rmSync(folder, { recursive: true, force: true });
    };
    return { rack, lightsout, close };
  } catch (error) {
    await rack.close();
    rmSync(folder, { recursive: true, force: true });
    throw error;
  }
}
