import type { ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { nuid } from "@nats-io/transport-node";
import type { Stop } from "#events";
import type { Link } from "./link.ts";
import { readerConfig } from "./reader.ts";

/** A server that was cut off without a word is noticed after two missed heartbeats. */
const PULL = { max_messages: 256, expires: 30_000, idle_heartbeat: 5_000 };
const PAUSE = 250;

/**
 * Calls `onMessage` for every message of a stream after `after`, in order, once each. The position is ours: whatever ends the
 * server's memory of it (a restart, a lost message), reading goes on behind the last message that was seen.
 */
export async function followStream(
  link: Link,
  stream: string,
  filter: string,
  after: number,
  onMessage: (message: JsMsg) => void,
): Promise<Stop> {
  let cursor = after;
  let pulling: ConsumerMessages | undefined;
  let stopped = false;
  let stale = false;
  let reader = await openReader();
  const ended = () => stopped || link.closing.aborted;
  const interrupt = () => void pulling?.stop();
  const forget = link.onReconnect(() => {
    // Whether the server still knows the reader is not worth asking: a pull for one that is gone may stay unanswered.
    stale = true;
    interrupt();
  });

  async function openReader() {
    stale = false;
    const config = { ...readerConfig(filter, cursor), name: `follow_${nuid.next()}` };
    return link.ask(
      `follow ${filter}`,
      async () => {
        const { name } = await link.jsm.consumers.add(stream, config);
        return { name, consumer: await link.js.consumers.get(stream, name), delivered: 0 };
      },
      { repeatable: true },
    );
  }

  async function pull(): Promise<void> {
    pulling = await reader.consumer.fetch(PULL);
    for await (const message of pulling) {
      if (ended()) return;
      reader.delivered += 1;
      if (message.info.deliverySequence !== reader.delivered) throw new Error("a message was lost on its way");
      cursor = message.seq;
      onMessage(message);
    }
  }

  async function run(): Promise<void> {
    while (!ended()) {
      try {
        if (stale) reader = await openReader();
        await pull();
      } catch {
        stale = true;
        await link.clock.sleep(PAUSE, link.closing).catch(() => {});
      }
    }
  }

  void run();
  return async () => {
    stopped = true;
    forget();
    interrupt();
    if (link.connected() && !link.closing.aborted) await link.jsm.consumers.delete(stream, reader.name).catch(() => {});
  };
}
