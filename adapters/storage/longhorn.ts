import type { Clock } from "#events";
import { field, word } from "./json.ts";
import type { ReadObjects, StorageHealth } from "./storage.ts";

/**
 * Longhorn: every attached volume must have all its replicas, and nothing may be rebuilt. Of a detached volume it is known only that it is
 * not faulted. One that is on its way between the two says no. Longhorn: `status.state` and `status.robustness` of longhorn.io/v1beta2
 * Volume; `status.rebuildStatus` and `status.replicaModeMap` (RW, WO while rebuilding, ERR) of its Engine.
 */
export async function longhornHealth(readObjects: ReadObjects, _: Clock, signal?: AbortSignal): Promise<StorageHealth | undefined> {
  const volumes = await readObjects("/apis/longhorn.io/v1beta2/volumes", signal);
  if (volumes === undefined) return undefined;
  const engines = (await readObjects("/apis/longhorn.io/v1beta2/engines", signal)) ?? [];
  const ill = [...new Set([...volumes.flatMap((one) => trouble(one) ?? []), ...engines.flatMap((one) => rebuild(one) ?? [])])];
  if (ill.length === 0) return { healthy: true, why: `Longhorn's ${volumes.length} volumes are healthy` };
  const named = ill.slice(0, 4);
  return {
    healthy: false,
    why: `Longhorn: ${named.join(", ")}${ill.length > named.length ? `, and ${ill.length - named.length} more` : ""}`,
  };
}

function trouble(volume: unknown): string | undefined {
  const [state, robustness] = [field(volume, "status", "state"), field(volume, "status", "robustness")];
  const settled = state === "attached" || state === "detached";
  if (state === "attached" && robustness === "healthy") return undefined;
  if (state === "detached" && robustness !== "faulted") return undefined;
  return `${word(field(volume, "metadata", "name"))} is ${word(settled ? robustness : state)}`;
}

function rebuild(engine: unknown): string | undefined {
  const rebuilding = values(field(engine, "status", "rebuildStatus")).find((one) => field(one, "isRebuilding") === true);
  const modes = values(field(engine, "status", "replicaModeMap"));
  const volume = word(field(engine, "spec", "volumeName"));
  if (rebuilding !== undefined) return `${volume} is being rebuilt (${Number(field(rebuilding, "progress") ?? 0)} %)`;
  return modes.every((mode) => mode === "RW") ? undefined : `${volume} has a replica that is not whole`;
}

const values = (map: unknown): readonly unknown[] => (typeof map === "object" && map !== null ? Object.values(map) : []);
