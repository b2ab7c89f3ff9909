import { z } from "zod";
import type { EventDefinition } from "#events";
import { fields } from "./body.ts";
import { ProblemError } from "./problem.ts";

/** An event as its sender names it. */
export interface Message {
  readonly type: string;
  readonly data: unknown;
  readonly id?: string | undefined;
  /** Where it came from; `lightsout/http` unless the sender is a CloudEvents producer. */
  readonly source?: string;
  readonly time?: string | undefined;
}

/** Ids and sources become part of store keys and headers there: one line of well-formed text, at most 256 long. */
const line = z
  .string()
  .min(1)
  .max(256)
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what it keeps out.
  .regex(/^[^\u0000-\u001f\u007f-\u009f]*$/, "must be one line of text")
  .refine((text) => text.isWellFormed(), "must be whole characters")
  .meta({ examples: ["2026-01-01-gpu-02"] });
const type = z.string().min(1).max(256);
const plain = z.strictObject({ type, data: z.unknown().optional(), id: line.optional() });
const attributes = {
  specversion: z.literal("1.0"),
  id: line,
  source: line,
  type,
  time: z.iso.datetime({ offset: true }).optional(),
};
const envelope = z.looseObject({ ...attributes, data: z.unknown().optional(), data_base64: z.never().optional() });
const binary = z.object(attributes);

/** What a body can be that sends one of these events, by media type: exactly what `readMessage` and the event's own schema let through. */
export function eventBodies(events: readonly EventDefinition[]): Readonly<Record<string, z.ZodType>> {
  const open = events.filter(({ origin }) => origin !== "internal");
  const each = (shape: z.ZodObject) =>
    z.xor(
      open.map(({ schema, type: name }) =>
        shape.extend({ type: z.literal(name), data: schema.safeParse({}).success ? schema.optional() : schema }),
      ),
    );
  return { "application/json": each(plain), "application/cloudevents+json": each(envelope) };
}

/** What ways that send events read of the headers. */
export const idempotency = z.strictObject({
  "Idempotency-Key": line.optional().describe("the event's id, where the body has none: the same id is the same event"),
});

/** The id that a sender gives in a header. Throws `LO_HTTP_INVALID` for one that cannot be an id, even where it is not needed. */
export const headerId = (headers: Headers): string | undefined =>
  fields(idempotency, { "Idempotency-Key": headers.get("idempotency-key") ?? undefined })["Idempotency-Key"];

/**
 * Reads `{type, data, id?}`, a structured CloudEvent (`application/cloudevents+json`) or a binary one (`ce-*` headers), as
 * CloudEvents 1.0.2 "HTTP protocol binding" has them. A producer's source stays apart from ours: it can repeat its own ids only.
 */
export function readMessage(headers: Headers, body: unknown): Message {
  if (headers.has("ce-specversion")) {
    const given = Object.fromEntries(Object.keys(attributes).map((name) => [name, decode(headers.get(`ce-${name}`))]));
    return produced({ ...fields(binary, given), data: body });
  }
  const media = (headers.get("content-type") ?? "").toLowerCase();
  if (!media.startsWith("application/cloudevents+json")) {
    const { type, data = {}, id } = fields(plain, body);
    return { type, data, id };
  }
  if (typeof body === "object" && body !== null && "data_base64" in body) {
    throw new ProblemError(422, "LO_HTTP_INVALID", "data_base64 is not read", { hint: "Send the event's data as JSON in data" });
  }
  return produced(fields(envelope, body));
}

const produced = (event: z.output<typeof binary> & { data?: unknown }): Message => ({
  type: event.type,
  data: event.data ?? {},
  id: event.id,
  source: `lightsout/http/${event.source}`,
  time: event.time,
});

const decode = (value: string | null): string | undefined => {
  if (value === null) return undefined;
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
};
