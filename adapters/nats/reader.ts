import type { ConsumerConfig } from "@nats-io/jetstream";
import { AckPolicy, DeliverPolicy } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";

const FORGOTTEN_AFTER = 90_000;

/** A consumer that only reads: the server keeps it in memory and forgets it when nobody pulls. */
export function readerConfig(filter: string, after: number): Partial<ConsumerConfig> {
  return {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: after + 1,
    filter_subject: filter,
    inactive_threshold: nanos(FORGOTTEN_AFTER),
    mem_storage: true,
    num_replicas: 1,
  };
}
