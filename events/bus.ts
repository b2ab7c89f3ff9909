import type { CloudEvent, EventDefinition } from "./define-event.ts";
import { LightsoutError } from "./errors.ts";
import { invalidEvent } from "./invalid.ts";
import type { Json } from "./json.ts";
import { type EventStore, encodeToken, type LogRecord, type Stop } from "./store.ts";

/** A stored event: the envelope with its position, the only order that counts. */
export interface StoredEvent<Data = unknown> {
  readonly position: number;
  /** When the store received it, by the store's clock. */
  readonly received: number;
  readonly event: CloudEvent<Data>;
}

/** The events of one site: validated on the way in, brought up to the present version on the way out. */
export interface Bus {
  /** Definitions by type. */
  readonly known: ReadonlyMap<string, EventDefinition>;
  /** Stores one event durably. The same id and source within two minutes is stored once. Throws `LO_EVENT_INVALID`. */
  publish<Data>(definition: EventDefinition<string, Data>, data: Data, about: EventAbout): Promise<StoredEvent<Data>>;
  /** Events of one type and key after a position. Those that no longer parse are left out. */
  since<Data>(definition: EventDefinition<string, Data>, key: string, after: number): Promise<StoredEvent<Data>[]>;
  /** Calls `onEvent` with every event after `after`. */
  follow(after: number, onEvent: (event: StoredEvent) => void): Promise<Stop>;
  position(): Promise<number>;
  /** Reads a stored record; answers the reason when it cannot be used. */
  read(record: LogRecord): StoredEvent | { readonly unusable: string };
}

export interface EventAbout {
  readonly id: string;
  readonly source: string;
  readonly actor?: string | undefined;
  readonly cause?: string | undefined;
  readonly time?: string | undefined;
}

/** Opens the bus of a store for the event types given. Two definitions of one type are an error. */
export function createBus(store: EventStore, definitions: readonly EventDefinition[]): Bus {
  const known = new Map<string, EventDefinition>();
  for (const definition of definitions) {
    const before = known.get(definition.type);
    if (before && before !== definition) throw new LightsoutError("LO_EVENT_TWICE", `event ${definition.type} is defined twice`);
    known.set(definition.type, definition);
  }
  const subject = (definition: EventDefinition<string, never>, key: string) => `${definition.lane}.${definition.type}.${encodeToken(key)}`;

  const read = (record: LogRecord): StoredEvent | { unusable: string } => {
    const event = record.data as unknown as CloudEvent<unknown>;
    if (typeof event !== "object" || event === null || typeof event.type !== "string") return { unusable: "not an event envelope" };
    const definition = known.get(event.type);
    if (!definition) return { unusable: `unknown event type "${event.type}"` };
    const data = upcast(definition, event);
    if ("unusable" in data) return data;
    return { position: record.seq, received: record.time, event: { ...event, data: data.data } };
  };

  return {
    known,
    read,
    async publish(definition, data, about) {
      const parsed = definition.schema.safeParse(data);
      if (!parsed.success) throw invalidEvent(definition.type, parsed.error.issues);
      const event: CloudEvent<typeof parsed.data> = {
        specversion: "1.0",
        id: about.id,
        source: about.source,
        type: definition.type,
        subject: definition.key(parsed.data),
        datacontenttype: "application/json",
        lsversion: definition.version,
        ...(about.time === undefined ? {} : { time: about.time }),
        ...(about.actor === undefined ? {} : { lsactor: about.actor }),
        ...(about.cause === undefined ? {} : { lscause: about.cause }),
        data: parsed.data,
      };
      const appended = await store.log.append("events", subject(definition as never, event.subject), event as unknown as Json, {
        id: `${about.source}/${about.id}`,
      });
      if (!appended.ok) throw new LightsoutError("LO_STORE", `event ${definition.type} was refused by the store`);
      return { position: appended.seq, received: 0, event };
    },
    async since<Data>(definition: EventDefinition<string, Data>, key: string, after: number) {
      const records = await store.log.read("events", subject(definition as never, key), { after });
      return records.map(read).filter((item): item is StoredEvent<Data> => !("unusable" in item));
    },
    follow: (after, onEvent) =>
      store.log.follow("events", ">", after, (record) => {
        const item = read(record);
        if (!("unusable" in item)) onEvent(item);
      }),
    position: () => store.log.position("events"),
  };
}

function upcast(definition: EventDefinition, event: CloudEvent<unknown>): { data: unknown } | { unusable: string } {
  let data = event.data;
  if (event.lsversion > definition.version) {
    return { unusable: `${event.type} has schema version ${event.lsversion}; this Lightsout knows ${definition.version}: upgrade it` };
  }
  try {
    for (let version = event.lsversion; version < definition.version; version += 1) data = definition.upcasters[version]?.(data);
  } catch (error) {
    return { unusable: `${event.type} version ${event.lsversion} cannot be read: ${String(error)}` };
  }
  const parsed = definition.schema.safeParse(data);
  return parsed.success ? { data: parsed.data } : { unusable: invalidEvent(event.type, parsed.error.issues).message };
}
