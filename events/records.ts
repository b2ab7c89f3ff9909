import { LightsoutError } from "./errors.ts";
import type { Json } from "./json.ts";
import type { Bucket, Kv } from "./store.ts";

/** A typed bucket of records changed by compare-and-set. */
export interface Records<Value> {
  get(key: string): Promise<{ readonly value: Value; readonly revision: number } | undefined>;
  all(): Promise<{ readonly key: string; readonly value: Value; readonly revision: number }[]>;
  /**
   * Changes a record to what `change` makes of the present value, again while others interfere. `undefined` from `change` leaves
   * it as it is; `null` deletes it. Answers the value that stands.
   */
  change(key: string, change: (now: Value | undefined) => Value | null | undefined): Promise<Value | undefined>;
}

const attempts = 64;

/** The records of one bucket. The runtime wrote them, so their shape is trusted. */
export function createRecords<Value>(kv: Kv, bucket: Bucket): Records<Value> {
  const get = async (key: string) => {
    const entry = await kv.get(bucket, key);
    return entry && { value: entry.value as unknown as Value, revision: entry.revision };
  };
  return {
    get,
    all: async () =>
      (await kv.list(bucket)).map((entry) => ({ key: entry.key, value: entry.value as unknown as Value, revision: entry.revision })),
    async change(key, change) {
      for (let attempt = 0; attempt < attempts; attempt += 1) {
        const now = await get(key);
        const next = change(now?.value);
        if (next === undefined) return now?.value;
        if (next === null) {
          if (!now || (await kv.delete(bucket, key, now.revision))) return undefined;
        } else if ((await kv.put(bucket, key, next as unknown as Json, now?.revision ?? 0)) !== undefined) return next;
      }
      throw new LightsoutError("LO_CONTENTION", `${bucket}/${key} could not be changed: too many writers at once`);
    },
  };
}
