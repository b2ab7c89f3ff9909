import { createHash } from "node:crypto";
import { copyFile, mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname } from "node:path";
import { LightsoutError } from "#events";
import type { Kubeconfig } from "./port.ts";

/** A kubeconfig in a file; `undefined` where none is configured. */
export function createKubeconfigFile(configured: string | undefined): Kubeconfig {
  const where = () => {
    if (configured !== undefined) return configured;
    throw new LightsoutError("LO_NOT_CONFIGURED", "No file for the cluster's kubeconfig is configured", {
      hint: "Give cluster.kubeconfig in lightsout.yaml: it is written there when the cluster is made",
    });
  };
  return {
    where,
    async keep(text) {
      const file = where();
      await mkdir(dirname(file), { recursive: true, mode: 0o700 });
      await keepBeside(file, text);
      const fresh = `${file}.new`;
      const handle = await open(fresh, "w", 0o600);
      try {
        // An old file of this name would keep its mode.
        await handle.chmod(0o600);
        await handle.writeFile(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(fresh, file);
      return file;
    },
  };
}

/** Named by its content, so that keeping it again after a crash loses nothing. */
async function keepBeside(file: string, text: string): Promise<void> {
  const before = await readFile(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (before === undefined || before.toString("utf8") === text) return;
  const digest = createHash("sha256").update(before).digest("hex").slice(0, 12);
  await copyFile(file, `${file}.before-${digest}`);
}
