import type { ConsumerConfig, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { AckPolicy, DeliverPolicy, JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { Stop } from "#events";
import { encodeToken } from "#events";
import type { Link } from "./link.ts";

/** Well above what runs or waits at any time: a message in hand or coming again later counts. */
const IN_HAND_AT_MOST = 20_000;
/** One at a time: what a client buffers is neither worked on nor kept alive. */
const PULL = { max_messages: 1, expires: 30_000, idle_heartbeat: 5_000 };
const RETRY_FIRST = 1_000;
const RETRY_MOST = 30_000;
const HAND_ON = 100;
const PAUSE = 250;

/** A shared, durable position in a stream. */
export interface Position {
  readonly stream: string;
  readonly filter: string;
  readonly name: string;
  /** How long a worker may be silent before its message goes to another, in milliseconds. A live one speaks up every third of it. */
  readonly ackWait: number;
}

/** Works through a position, one message at a time, until stopped. */
export async function consumeStream(link: Link, position: Position, handle: (message: JsMsg) => Promise<void>): Promise<Stop> {
  let consumer = await openConsumer(link, position);
  let pulling: ConsumerMessages | undefined;
  let inHand: JsMsg | undefined;
  let stopped = false;
  let stale = false;
  const ended = () => stopped || link.closing.aborted;
  const interrupt = () => void pulling?.stop();
  const forget = link.onReconnect(() => {
    // A pull that came before the server had loaded the consumer may stay unanswered.
    stale = true;
    interrupt();
  });

  async function take(): Promise<JsMsg | undefined> {
    pulling = await consumer.fetch(PULL);
    if (ended()) pulling.stop();
    for await (const message of pulling) return message;
    return undefined;
  }

  async function run(): Promise<void> {
    while (!ended()) {
      try {
        if (stale) consumer = await reopen();
        const message = await take();
        if (!message) continue;
        if (ended()) return message.nak(HAND_ON);
        inHand = message;
        await work(link, position.ackWait, message, handle, ended);
        inHand = undefined;
      } catch {
        // It may have been deleted, or be on a server that is gone.
        stale = true;
        await link.clock.sleep(PAUSE, link.closing).catch(() => {});
      }
    }
  }

  function reopen() {
    stale = false;
    return openConsumer(link, position);
  }

  /** A message that was answered already ignores this; one in a handler's hands goes to another worker. */
  const giveBack = () => {
    if (!link.nc.isClosed()) inHand?.nak(HAND_ON);
  };
  link.closing.addEventListener("abort", giveBack, { once: true });
  void run();
  return async () => {
    stopped = true;
    forget();
    link.closing.removeEventListener("abort", giveBack);
    interrupt();
    giveBack();
  };
}

async function work(
  link: Link,
  ackWait: number,
  message: JsMsg,
  handle: (message: JsMsg) => Promise<void>,
  ended: () => boolean,
): Promise<void> {
  const over = new AbortController();
  void stayAlive(link, ackWait / 3, message, over.signal, ended);
  let settled = true;
  try {
    await handle(message);
  } catch {
    settled = false;
  } finally {
    over.abort();
  }
  if (ended()) return;
  // Without a delay the server would hand it out again at once, whatever its backoff says.
  if (!settled) message.nak(Math.min(RETRY_MOST, RETRY_FIRST * 2 ** Math.min(message.info.deliveryCount - 1, 10)));
  // A lost confirmation means that it comes again: handlers are made for that.
  else await message.ackAck().catch(() => {});
}

async function stayAlive(link: Link, every: number, message: JsMsg, over: AbortSignal, ended: () => boolean): Promise<void> {
  for (;;) {
    await link.clock.sleep(every, AbortSignal.any([over, link.closing])).catch(() => {});
    if (over.aborted || ended()) return;
    if (link.connected()) message.working();
  }
}

async function openConsumer(link: Link, { stream, filter, name, ackWait }: Position) {
  const durable = encodeToken(name);
  const wanted: Partial<ConsumerConfig> = {
    durable_name: durable,
    ack_policy: AckPolicy.Explicit,
    deliver_policy: DeliverPolicy.All,
    filter_subject: filter,
    ack_wait: nanos(ackWait),
    max_deliver: -1,
    max_ack_pending: IN_HAND_AT_MOST,
  };
  return link.ask(
    `consume ${filter} as ${durable}`,
    async () => {
      const found = await link.jsm.consumers.info(stream, durable).catch((error: unknown) => {
        if (error instanceof JetStreamApiError && error.code === JetStreamApiCodes.ConsumerNotFound) return undefined;
        throw error;
      });
      if (!found) await link.jsm.consumers.add(stream, wanted);
      else if (found.config.filter_subject !== filter || found.config.ack_wait !== nanos(ackWait)) {
        await link.jsm.consumers.update(stream, durable, { filter_subject: filter, ack_wait: nanos(ackWait) });
      }
      return link.js.consumers.get(stream, durable);
    },
    { repeatable: true },
  );
}
