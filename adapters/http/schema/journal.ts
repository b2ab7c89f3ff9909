import { z } from "zod";
import type { CloudEvent, Entry, Json } from "#events";
import { component } from "./component.ts";
import { obligation, verb, verdict } from "./run.ts";

const json = z.custom<Json>().describe("any JSON");
const step = z.string();
const position = z.int().describe("in the store's order of events");
const attempt = z.int();
const reason = z.string();

const storedEvent = component<CloudEvent>()(
  "StoredEvent",
  z
    .strictObject({
      specversion: z.literal("1.0"),
      id: z.string(),
      source: z.string(),
      type: z.string(),
      subject: z.string(),
      datacontenttype: z.literal("application/json"),
      lsversion: z.int(),
      time: z.string().exactOptional(),
      lsactor: z.string().exactOptional().describe("who sent it, as the door knows them"),
      lscause: z.string().exactOptional().describe("the event that this one repeats"),
      data: json,
    })
    .describe("a CloudEvent as it is stored"),
);

/** What every entry has. */
const written = { v: z.int(), id: z.string(), by: z.string(), at: z.number().describe("milliseconds since 1970, on its writer's clock") };

const fact = <const Is extends string, Shape extends z.ZodRawShape>(is: Is, shape: Shape) =>
  z.strictObject({ is: z.literal(is), ...shape, ...written });

export const entry = component<Entry>()(
  "JournalEntry",
  z
    .discriminatedUnion("is", [
      fact("started", { function: z.string(), key: z.string(), event: storedEvent, position }),
      fact("fenced", { victim: z.string() }),
      fact("inherited", { from: z.string(), obligations: z.array(obligation), before: z.array(z.string()).exactOptional() }),
      fact("done", { step, result: json.exactOptional(), position: position.exactOptional() }),
      fact("failed", { step, attempt, error: z.string() }),
      fact("waiting", { step, reason, until: z.number().exactOptional(), paused: z.boolean().exactOptional() }),
      fact("obliged", { obligation }),
      fact("cleared", { kind: obligation.shape.kind }),
      fact("intent", {
        step,
        attempt,
        machine: z.string(),
        verb,
        settleMs: z.number(),
        before: z.string(),
        verdicts: z.array(verdict),
      }),
      fact("resumed", { step, attempt }),
      fact("outcome", { step, attempt, result: z.enum(["done", "already", "not-done", "cannot-tell"]), seen: z.string(), position }),
      fact("judged", { step, verdicts: z.array(verdict) }),
      fact("asked", {
        step,
        nonce: z.string(),
        digest: z.string(),
        ask: z.string(),
        plan: json,
        from: z.string(),
        until: z.number(),
        position,
      }),
      fact("decided", { step, digest: z.string(), approved: z.boolean(), who: z.string(), note: z.string().exactOptional() }),
      fact("parked", { step, reason, undo: z.array(z.string()), position }),
      fact("word", { step, word: z.enum(["happened", "did-not-happen", "abandon"]), who: z.string() }),
      fact("finished", {
        status: z.enum(["ok", "failed", "refused", "observed", "denied", "cancelled", "superseded"]),
        reason: z.string().exactOptional(),
      }),
    ])
    .describe("one entry of a run's journal"),
);
