import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema, type EventsRequest } from "#adapters/os/talos/gen/machine_pb.ts";

/** The ring of events of one boot. */
export interface LabEvents {
  emit<D extends DescMessage>(schema: D, message: MessageInitShape<D>, actorId?: string): void;
  /** A Talos subscription: greeting, tail, then live, until the boot or the signal ends it. */
  subscribe(request: EventsRequest, signal: AbortSignal): AsyncGenerator<Event, void, undefined>;
  /** How many subscriptions are open. */
  subscribers(): number;
  /** The boot is over: subscribers are ended and the buffer is lost. */
  clear(): void;
}

export function createLabEvents(): LabEvents {
  const buffer: Event[] = [];
  const listeners = new Set<(event: Event | undefined) => void>();
  let count = 0;
  return {
    emit(schema, message, actorId = "") {
      count += 1;
      const value = toBinary(schema, create(schema, message));
      const id = `c${String(count).padStart(19, "0")}`;
      const event = create(EventSchema, { data: { typeUrl: `talos/runtime/${schema.typeName}`, value }, id, actorId });
      if (buffer.push(event) > 1000) buffer.shift();
      for (const listener of listeners) listener(event);
    },
    async *subscribe(request, signal) {
      const { tailEvents, tailId, withActorId } = request;
      const tail = tailId
        ? buffer.filter(({ id }) => id > tailId)
        : tailEvents < 0
          ? [...buffer]
          : tailEvents > 0
            ? buffer.slice(-tailEvents)
            : [];
      const queue: (Event | undefined)[] = [...tail];
      let wake: () => void = () => undefined;
      const listener = (event: Event | undefined) => {
        queue.push(event);
        wake();
      };
      listeners.add(listener);
      const stop = () => listener(undefined);
      signal.addEventListener("abort", stop, { once: true });
      try {
        yield create(EventSchema, {});
        for (;;) {
          while (queue.length === 0) await new Promise<void>((resolve) => (wake = resolve));
          const event = queue.shift();
          if (!event) return;
          if (withActorId === "" || event.actorId === withActorId) yield event;
        }
      } finally {
        listeners.delete(listener);
        signal.removeEventListener("abort", stop);
      }
    },
    subscribers: () => listeners.size,
    clear() {
      buffer.length = 0;
      for (const listener of listeners) listener(undefined);
    },
  };
}
