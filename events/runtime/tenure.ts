import type { Clock } from "../clock.ts";
import { explain } from "../errors.ts";
import { holdLease, type Lease, type LeaseTimes } from "../leases.ts";
import type { EventStore } from "../store.ts";
import type { RuntimeLog } from "./office.ts";

/** A worker's standing among the others: its lease, and a new one under a new name when that was taken away. */
export interface Tenure {
  /** The name it signs with now; empty before it has begun. */
  worker(): string;
  /** Takes the first lease. Rejects when the store does not answer. */
  begin(): Promise<void>;
  /** Resolves while it holds a lease; after a loss, once it holds the next one (or has ended). */
  held(): Promise<void>;
  end(): Promise<void>;
}

const againMs = 1000;

/** @param onLost is called at each loss, before a new lease is asked for: every run is another worker's to take */
export function createTenure(options: { store: EventStore; clock: Clock; times: LeaseTimes; log: RuntimeLog; onLost: () => void }): Tenure {
  const { store, clock, times, log, onLost } = options;
  const over = new AbortController();
  let lease: Lease | undefined;
  let renewed: Promise<void> = Promise.resolve();

  const take = async () => {
    lease = await holdLease(store, clock, times, lost);
  };
  const lost = () => {
    onLost();
    renewed = renew();
  };
  const renew = async () => {
    while (!over.signal.aborted) {
      try {
        return await take();
      } catch (error) {
        log.note("warn", `no new lease yet: ${explain(error)}`);
        await clock.sleep(againMs, over.signal).catch(() => undefined);
      }
    }
  };
  return {
    worker: () => lease?.worker ?? "",
    begin: take,
    held: () => renewed,
    async end() {
      over.abort();
      await renewed;
      await lease?.end();
    },
  };
}
