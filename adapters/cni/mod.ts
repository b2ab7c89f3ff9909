import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { explain, LightsoutError } from "#events";
import { runCommand } from "./command.ts";
import type { Cni } from "./port.ts";

export interface CniOptions {
  /** Files of manifests, or a program with its arguments. `undefined`: nothing is to be done. */
  readonly by: { readonly manifests: readonly string[] } | { readonly command: readonly string[] } | undefined;
  /** Applies the text of manifests to the cluster and answers each object. */
  readonly apply: (manifests: string, signal?: AbortSignal) => Promise<readonly string[]>;
  /** The file that a program finds in `KUBECONFIG`. */
  readonly kubeconfig: () => string;
  /** For a program, milliseconds; default 10 minutes. */
  readonly timeoutMs?: number;
}

/** Installs a network from files, or has a program do it: without a shell, with a deadline, and with nothing of our own environment but what finds programs. */
export function createCni({ by, apply, kubeconfig, timeoutMs = 600_000 }: CniOptions): Cni {
  if (by === undefined) {
    const nothing = "nothing: Talos brings the network that its configuration names";
    return { describe: () => nothing, install: async () => nothing };
  }
  if ("manifests" in by) {
    return {
      describe: () => `applies ${by.manifests.map((file) => basename(file)).join(", ")}`,
      async install(signal) {
        const applied: string[] = [];
        for (const file of by.manifests) applied.push(...(await apply(await read(file), signal)));
        return `${applied.length} objects from ${by.manifests.map((file) => basename(file)).join(", ")}`;
      },
    };
  }
  return {
    describe: () => `runs ${by.command.join(" ")}`,
    async install(signal) {
      await runCommand(by.command, { environment: { KUBECONFIG: kubeconfig() }, timeoutMs, signal });
      return `${by.command[0]}: done`;
    },
  };
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw new LightsoutError("LO_CNI", `${file} cannot be read: ${explain(error)}`, { hint: "Correct cni.manifests in lightsout.yaml" });
  }
}
