import { type Clock, explain, LightsoutError } from "#events";
import { cephHealth } from "./ceph.ts";
import { longhornHealth } from "./longhorn.ts";
import type { Storage } from "./port.ts";

/**
 * Reads a collection of the Kubernetes API: its items, or `undefined` when the cluster has no such resource. Throws when the API does not
 * answer.
 */
export type ReadObjects = (path: string, signal?: AbortSignal) => Promise<readonly unknown[] | undefined>;

/** What one kind of storage says; `undefined` where the cluster has none of it. */
export interface StorageHealth {
  readonly healthy: boolean;
  readonly why: string;
}

const kinds = { ceph: cephHealth, longhorn: longhornHealth } as const;

/**
 * The storage of a cluster. `auto` asks for every kind that is known and demands health of those that are there; a kind that is named must be
 * there; `none` is a cluster whose machines carry nothing that others need. No answer means not healthy.
 * @param options.clock the time of day, as the cluster's own parts write it
 */
export function createStorage(options: { readObjects: ReadObjects; kind: "auto" | "none" | keyof typeof kinds; clock: Clock }): Storage {
  const { clock, kind, readObjects } = options;
  const asked = kind === "auto" ? Object.keys(kinds) : kind === "none" ? [] : [kind];
  return {
    async health(signal) {
      try {
        const said = await Promise.all(
          asked.map(async (name) => [name, await kinds[name as keyof typeof kinds](readObjects, clock, signal)] as const),
        );
        const missing = said.find(([, health]) => health === undefined);
        if (kind !== "auto" && missing) return { healthy: false, why: `storage is ${kind} by declaration, and the cluster has none` };
        const there = said.flatMap(([, health]) => health ?? []);
        const ill = there.filter(({ healthy }) => !healthy);
        if (ill.length > 0) return { healthy: false, why: ill.map(({ why }) => why).join("; ") };
        if (there.length > 0) return { healthy: true, why: there.map(({ why }) => why).join("; ") };
        return {
          healthy: true,
          why: kind === "none" ? "no replicated storage, by declaration" : `no replicated storage (looked for ${asked.join(", ")})`,
        };
      } catch (error) {
        if (!(error instanceof LightsoutError)) throw error;
        return { healthy: false, why: `nobody tells how the storage is: ${explain(error)}` };
      }
    },
  };
}
