import type { Msg } from "@nats-io/transport-node";
import type { Json } from "#events";
import { decodeToken } from "#events";

/** What somebody outside said: an event's type, what it is about, and its data. */
export interface Knock {
  readonly type: string;
  /** Usually a machine. Empty when none was named. */
  readonly key: string;
  readonly body: Json;
  /** CloudEvents `source` and `id`, when the sender gave both: the same pair twice is one event. */
  readonly origin?: { readonly source: string; readonly id: string };
}

export type Parsed = { readonly knock: Knock } | { readonly why: string };

const LARGEST = 256 * 1024;

/**
 * Reads a message of the open door: plain JSON on `<door>.<type>[.<key>]`, or a CloudEvent in either form of the NATS binding
 * (structured: `Content-Type: application/cloudevents+json`; binary: `ce-` headers). Never throws.
 * Source: CloudEvents 1.0.2, NATS protocol binding, §3.
 */
export function parseKnock(door: string, message: Pick<Msg, "subject" | "data" | "headers">): Parsed {
  if (message.data.length > LARGEST) return { why: `the message has ${message.data.length} bytes; the door takes ${LARGEST}` };
  let body: unknown;
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(message.data);
    body = text === "" ? {} : JSON.parse(text);
  } catch {
    return { why: "the message is not JSON" };
  }
  const headers = new Map((message.headers?.keys() ?? []).map((name) => [name.toLowerCase(), message.headers?.get(name) ?? ""]));
  if (/^application\/cloudevents/i.test(headers.get("content-type") ?? "")) return structured(body);
  if (headers.has("ce-specversion")) {
    return attributes((name) => unescaped(headers.get(`ce-${name}`)), body);
  }
  return plain(message.subject.slice(door.length + 1), body);
}

function plain(said: string, body: unknown): Parsed {
  const [type = "", ...key] = said.split(".").map(decodeToken);
  if (type === "") return { why: "the subject names no event type, and the message is not a CloudEvent" };
  return { knock: { type, key: key.join("."), body: body as Json } };
}

function structured(body: unknown): Parsed {
  if (body === null || typeof body !== "object" || Array.isArray(body)) return { why: "the CloudEvent is not an object" };
  const event = body as Record<string, unknown>;
  return attributes((name) => event[name], event.data ?? {});
}

function attributes(of: (name: string) => unknown, data: unknown): Parsed {
  const [version, type, subject, source, id] = ["specversion", "type", "subject", "source", "id"].map(of);
  if (version !== "1.0") return { why: `the CloudEvent's specversion is ${JSON.stringify(version ?? null)}, must be "1.0"` };
  if (typeof type !== "string" || type === "") return { why: "the CloudEvent has no type" };
  if (subject !== undefined && typeof subject !== "string") return { why: "the CloudEvent's subject is not a text" };
  const knock = { type, key: subject ?? "", body: data as Json };
  if (typeof source !== "string" || typeof id !== "string" || source === "" || id === "")
    return { why: "the CloudEvent has no source or no id" };
  return { knock: { ...knock, origin: { source, id } } };
}

/** Header values are percent-encoded where they are not plain ASCII. */
function unescaped(value: string | undefined): string | undefined {
  try {
    return value === undefined ? undefined : decodeURIComponent(value);
  } catch {
    return value;
  }
}
