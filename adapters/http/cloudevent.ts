import { z } from "zod";
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

// Ids and sources become part of store keys and headers there: one line of well-formed text.
const line = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => !/\p{Cc}/u.test(text) && text.isWellFormed(), "must be one line of text");
const type = z.string().min(1).max(256);
const plain = z.strictObject({ type, data: z.unknown().optional(), id: line.optional() });
const attributes = {
  specversion: z.literal("1.0"),
  id: line,
  source: line,
  type,
  time: z.iso.datetime({ offset: true }).optional(),
};
const envelope = z.looseObject({ ...attributes, data: z.unknown().optional() });
const binary = z.object(attributes);

/** Checks the id that a sender gives in a header. */
export const eventId = (id: string): string => fields(line, id);

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
