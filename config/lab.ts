import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RuntimeLog } from "#events";
import { createRack, type Rack } from "#test/lab/rack.ts";
import { compose, type Lightsout } from "./compose.ts";
import { parseConfig } from "./load.ts";

/** Lightsout with a simulated rack of its own. */
export interface Lab {
  readonly rack: Rack;
  readonly lightsout: Lightsout;
  close(): Promise<void>;
}

/**
 * Starts the lab: seven mixed machines on real wire protocols, and Lightsout over them, trusted from the start.
 * @param store `embedded` (a temporary file; the default) or the URL of a NATS server
 * @param scale how much faster than the wall the machines and the runtime live; default 20
 */
export async function startLab(options: { log: RuntimeLog; store?: string; listen?: string; scale?: number }): Promise<Lab> {
  const { log, store = "embedded", listen = "127.0.0.1:0", scale = 20 } = options;
  const folder = mkdtempSync(join(tmpdir(), "lightsout-lab-"));
  const rack = await createRack({ scale });
  const written = store === "embedded" ? `{ embedded: { path: ${join(folder, "lab.db")} } }` : store;
  try {
    const config = parseConfig(rack.yaml({ store: written, listen }), { file: "the lab's configuration", folder, env: rack.env });
    const lightsout = await compose(config, {
      log,
      clock: rack.clock,
      osAddress: rack.osAddress,
      kubeconfigText: rack.kube.kubeconfig,
    });
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
