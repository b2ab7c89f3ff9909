import { randomUUID } from "node:crypto";
import type { Clock } from "./clock.ts";
import type { EventStore } from "./store.ts";

/** How long a silent worker is believed, and how often a live one speaks. */
export interface LeaseTimes {
  /** Default 15 s. */
  readonly ttlMs: number;
  /** Default 4 s. */
  readonly beatMs: number;
}

export const leaseTimes: LeaseTimes = { ttlMs: 15_000, beatMs: 4000 };

/** A worker's sign of life in the store. */
export interface Lease {
  readonly worker: string;
  /** Stops beating and deletes the lease, so that others need not wait. */
  end(): Promise<void>;
}

/**
 * Begins beating. `onLost` is called once when another worker removed our lease: every run is theirs to take. A store that does not
 * answer is no loss: we go on, and our journals decide.
 */
export async function holdLease(store: EventStore, clock: Clock, times: LeaseTimes, onLost: () => void): Promise<Lease> {
  const worker = randomUUID();
  const stop = new AbortController();
  let revision = await store.kv.put("leases", worker, { beat: 0 }, 0);
  const beating = (async () => {
    for (let beat = 1; !stop.signal.aborted; beat += 1) {
      await clock.sleep(times.beatMs, stop.signal).catch(() => undefined);
      if (stop.signal.aborted) return;
      try {
        const next = await store.kv.put("leases", worker, { beat }, revision ?? 0);
        if (next !== undefined) revision = next;
        else {
          const now = await store.kv.get("leases", worker);
          if (!now) return onLost();
          revision = now.revision;
        }
      } catch {
        // The store is away: the next beat tries again.
      }
    }
  })();
  return {
    worker,
    async end() {
      stop.abort();
      await beating;
      const now = await store.kv.get("leases", worker).catch(() => undefined);
      if (now) await store.kv.delete("leases", worker, now.revision).catch(() => false);
    },
  };
}

/**
 * Judges other workers' leases by our own monotonic clock alone, so that clocks minutes apart and a stopped process
 * cannot make a live worker look dead: a lease has expired when a fresh read shows the revision that we first saw at least one ttl ago
 * and have looked at without a gap since. An expired lease is removed at that revision: a worker that spoke in between keeps it, and one
 * that was only frozen learns of its loss at its next beat.
 */
export function createLeaseWatch(store: EventStore, clock: Clock, times: LeaseTimes): { expired(worker: string): Promise<boolean> } {
  const seen = new Map<string, { revision: number; at: number; looked: number }>();
  return {
    async expired(worker) {
      // Before the read: a process stopped between the two must not take an old answer for a fresh one.
      const asked = clock.mono();
      const now = await store.kv.get("leases", worker);
      if (!now) return true;
      const before = seen.get(worker);
      // While we or the store were away, it could not be seen to speak: its time begins again.
      const watched = before?.revision === now.revision && asked - before.looked <= 2 * times.beatMs;
      const at = watched ? before.at : clock.mono();
      seen.set(worker, { revision: now.revision, at, looked: clock.mono() });
      if (asked - at < times.ttlMs) return false;
      return store.kv.delete("leases", worker, now.revision);
    },
  };
}

/** Removes every lease. Only for a store that no other process can have open: whoever held them is dead. */
export async function clearLeases(store: EventStore): Promise<void> {
  for (const lease of await store.kv.list("leases")) await store.kv.delete("leases", lease.key, lease.revision);
}
