import { hash } from "node:crypto";
import type { z } from "zod";
import type { Json } from "./json.ts";

/**
 * Who may publish an event: `external` = anybody through the open door (NATS, webhooks), `operator` = an authenticated
 * person, `internal` = Lightsout itself.
 */
export type Origin = "external" | "operator" | "internal";

/** One kind of event: its name, schema, key and history. */
export interface EventDefinition<Type extends string = string, Data = unknown> {
  readonly type: Type;
  /** The present schema version. Stored events of older versions pass through `upcasters` when they are read. */
  readonly version: number;
  readonly origin: Origin;
  /** Events in the operators' lane are never queued behind others. */
  readonly lane: Lane;
  readonly schema: z.ZodType<Data>;
  /** What the event is about, usually a machine: runs of one key see each other's events. */
  key(data: Data): string;
  /** By the version they read: each makes the next version's data. */
  readonly upcasters: Readonly<Record<number, (old: unknown) => unknown>>;
  /** Set for events that make Lightsout act on a machine: what the machine is meant to be once it is accepted. */
  readonly intends: Intent | undefined;
}

export type Lane = "op" | "std";
export type Intent = "on" | "off";

/**
 * Declares an event. The name is kebab-case and permanent.
 * @param details.origin default `internal`
 * @param details.version default 1; raise it with an upcaster from the version before
 */
export function defineEvent<const Type extends string, Schema extends z.ZodType>(
  type: Type,
  details: {
    schema: Schema;
    key: (data: z.output<Schema>) => string;
    origin?: Origin;
    lane?: Lane;
    version?: number;
    upcasters?: Readonly<Record<number, (old: unknown) => unknown>>;
    intends?: Intent;
  },
): EventDefinition<Type, z.output<Schema>> {
  const { schema, key, origin = "internal", version = 1, upcasters = {}, intends } = details;
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(type)) throw new TypeError(`event type "${type}" is not kebab-case`);
  for (let old = 1; old < version; old += 1) {
    if (!upcasters[old]) throw new TypeError(`event ${type} is at version ${version} but has no upcaster from ${old}`);
  }
  const lane = details.lane ?? (origin === "operator" ? "op" : "std");
  return { type, version, origin, lane, schema: schema as z.ZodType<z.output<Schema>>, key, upcasters, intends };
}

/** A CloudEvents 1.0 envelope as Lightsout stores it. `lsversion` is the schema version of `data` (an extension attribute). */
export interface CloudEvent<Data = Json> {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  /** The event's key. */
  readonly subject: string;
  readonly datacontenttype: "application/json";
  readonly lsversion: number;
  /** Optional and forgeable: shown, never decided on. */
  readonly time?: string;
  /** Who: a person's or program's name, set by the door that let it in. */
  readonly lsactor?: string;
  /** The event that this one repeats (a replayed dead letter). */
  readonly lscause?: string;
  readonly data: Data;
}

/** A stored event in the hands of a function whose data type is not known here. */
export type StoredCloudEvent = CloudEvent<unknown>;

/** A short, stable id from the parts given: the same parts always give the same id. */
export function stableId(...parts: readonly (string | number)[]): string {
  return hash("sha256", JSON.stringify(parts), "hex").slice(0, 24);
}
