import { createListeners } from "#adapters/http/mod.ts";
import { explain, LightsoutError, systemClock } from "#events";
import { type ComposeOptions, compose, type Lightsout, type Standing } from "./compose.ts";
import { changesOf, same } from "./same.ts";
import type { Config } from "./schema.ts";
import { openStore } from "./stores.ts";

/** Lightsout while configurations come and go. */
export interface Serving {
  /** As it serves now. */
  readonly lightsout: Lightsout;
  /**
   * Serves another configuration from now on, and answers what it changes. The new one serves before the old one lets go: acts under way end
   * under the old one, every other run goes on under the new one. Rejects where the new one cannot serve; then nothing has changed.
   * `LO_RELOAD` is for what only a restart can change.
   */
  replace(config: Config): Promise<readonly string[]>;
  /** There is a newer configuration, and it cannot be used: health says so until one is. */
  outdated(): void;
  /** Graceful, as `Lightsout.close` is. */
  close(): Promise<void>;
}

/** Serves a configuration. The store and the listeners stay when it is replaced. */
export async function startServing(first: Config, options: Omit<ComposeOptions, "standing">): Promise<Serving> {
  const { log } = options;
  const store = await openStore(first.store, first.site, systemClock);
  let upToDate = true;
  const standing: Standing = { store, listeners: createListeners(), upToDate: () => upToDate };
  const open = (config: Config) => compose(config, { ...options, standing });
  let config = first;
  let lightsout = await open(first).catch(async (error: unknown) => {
    await store.close();
    throw error;
  });
  const leaving = new Set<Promise<void>>();

  const leave = (old: Lightsout) => {
    const left = old
      .close()
      .catch((error: unknown) => log.note("error", `the configuration before has not ended well: ${explain(error)}`))
      .finally(() => leaving.delete(left));
    leaving.add(left);
  };
  return {
    get lightsout() {
      return lightsout;
    },
    async replace(next) {
      const fixed = (["site", "store"] as const).filter((key) => !same(config[key], next[key]));
      if (fixed.length > 0) {
        throw new LightsoutError("LO_RELOAD", `${fixed.join(" and ")} cannot change while it runs`, { hint: "Restart Lightsout for it" });
      }
      const changes = changesOf(config, next);
      const successor = await open(next);
      leave(lightsout);
      lightsout = successor;
      config = next;
      upToDate = true;
      return changes;
    },
    outdated() {
      upToDate = false;
    },
    async close() {
      await lightsout.close();
      await Promise.all(leaving);
      await store.close();
    },
  };
}
