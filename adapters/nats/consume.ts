import type { ConsumerConfig, ConsumerMessages, JsMsg } from "@nats-io/jetstream";
import { AckPolicy, DeliverPolicy, JetStreamApiCodes, JetStreamApiError } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { Stop } from "#events";
import { encodeToken } from "#events";
import type { Link } from "./link.ts";

/** Well above what runs or waits at any time: a message in hand or coming again later counts. */
const IN_HAND_AT_MOST = 20_000;
const PULL = { expires: 30_000, idle_heartbeat: 5_000 };
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

/** Works through a position, at most `atOnce` messages at the same time, until stopped. */
export async function consumeStream(
  link: Link,
  position: Position,
  atOnce: number,
  handle: (message: JsMsg) => Promise<void>,
): Promise<Stop> {
  let consumer = await openConsumer(link, position);
  let pulling: ConsumerMessages | undefined;
  const inHand = new Set<JsMsg>();
  let freed = () => {};
  let stopped = false;
  let stale = false;
  const over = new AbortController();
  const ended = () => stopped || link.closing.aborted;
  const interrupt = () => void pulling?.stop();
  const forget = link.onReconnect(() => {
    // A pull that came before the server had loaded the consumer may stay unanswered.
    stale = true;
    interrupt();
  });

  /** Never more than there are hands for: what a client buffers is neither worked on nor kept alive. */
  async function pull(): Promise<void> {
    pulling = await consumer.fetch({ ...PULL, max_messages: atOnce - inHand.size });
    if (ended()) pulling.stop();
    for await (const message of pulling) {
      if (ended()) message.nak(HAND_ON);
      else void take(message);
    }
  }

  async function take(message: JsMsg): Promise<void> {
    inHand.add(message);
    const settled = await handle(message).then(
      () => true,
      () => false,
    );
    inHand.delete(message);
    freed();
    if (ended()) return;
    // Its acknowledgement may be lost: then it comes again, and handlers are made for that.
    if (settled) message.ack();
    // Without a delay the server would hand it out again at once, whatever its backoff says.
    else message.nak(Math.min(RETRY_MOST, RETRY_FIRST * 2 ** Math.min(message.info.deliveryCount - 1, 10)));
  }

  async function run(): Promise<void> {
    while (!ended()) {
      try {
        if (stale) consumer = await reopen();
        // Not a pull for each hand that is free again.
        while (!ended() && inHand.size > atOnce / 2) await new Promise<void>((resolve) => (freed = resolve));
        if (!ended()) await pull();
      } catch {
        // It may have been deleted, or be on a server that is gone.
        stale = true;
        await link.clock.sleep(PAUSE, link.closing).catch(() => {});
      }
    }
  }

  async function stayAlive(): Promise<void> {
    const signal = AbortSignal.any([over.signal, link.closing]);
    while (!signal.aborted) {
      await link.clock.sleep(position.ackWait / 3, signal).catch(() => {});
      if (!signal.aborted && link.connected()) for (const message of inHand) message.working();
    }
  }

  function reopen() {
    stale = false;
    return openConsumer(link, position);
  }

  /** A message that was answered already ignores this; one in a handler's hands goes to another worker. */
  const giveBack = () => {
    freed();
    if (!link.nc.isClosed()) for (const message of inHand) message.nak(HAND_ON);
  };
  link.closing.addEventListener("abort", giveBack, { once: true });
  void run();
  void stayAlive();
  return async () => {
    stopped = true;
    over.abort();
    forget();
    link.closing.removeEventListener("abort", giveBack);
    interrupt();
    giveBack();
  };
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
