import { nuid } from "@nats-io/transport-node";
import type { Link } from "./link.ts";
import { readerConfig } from "./reader.ts";

const BATCH = 1_000;
const WITHIN = 5_000;

/** What is common to a delivered and a fetched message. */
export interface Stored {
  readonly seq: number;
  readonly subject: string;
  readonly time: Date;
  string(): string;
}

/**
 * Reads up to `most` messages quickly, in order, and answers the position it came to. It may stop early, or miss what a lagging
 * replica does not have yet, but leaves no gap: the caller asks the leader for the rest.
 */
export async function readBulk(
  link: Link,
  stream: string,
  filter: string,
  after: number,
  most: number,
  onMessage: (message: Stored) => void,
): Promise<number> {
  const name = `read_${nuid.next()}`;
  let cursor = after;
  try {
    const { num_pending } = await link.jsm.consumers.add(stream, { ...readerConfig(filter, after), name });
    const consumer = await link.js.consumers.get(stream, name);
    const wanted = Math.min(num_pending, most);
    for (let delivered = 0; delivered < wanted; ) {
      const before = delivered;
      for await (const message of await consumer.fetch({ max_messages: Math.min(BATCH, wanted - delivered), expires: WITHIN })) {
        delivered += 1;
        if (message.info.deliverySequence !== delivered) return cursor;
        cursor = message.seq;
        onMessage(message);
        // What was waiting at first may have been removed since.
        if (message.info.pending === 0) return cursor;
      }
      if (delivered === before) return cursor;
    }
    return cursor;
  } catch {
    return cursor;
  } finally {
    if (link.connected() && !link.nc.isClosed()) await link.jsm.consumers.delete(stream, name).catch(() => {});
  }
}
