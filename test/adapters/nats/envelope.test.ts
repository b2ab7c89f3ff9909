import { headers } from "@nats-io/transport-node";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseKnock } from "#adapters/nats/envelope.ts";
import { encodeToken } from "#events";

const door = "lightsout.lab.in";
const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function parse(subject: string, value: unknown, head: Record<string, string> = {}) {
  const list = headers();
  for (const [name, text] of Object.entries(head)) list.set(name, text);
  return parseKnock(door, { subject, data: bytes(value), headers: list });
}

describe("plain JSON", () => {
  test("type and key come from the subject, decoded", () => {
    expect(parse(`${door}.power-cycle.${encodeToken("node 1.lab")}`, { reason: "stuck" })).toEqual({
      knock: { type: "power-cycle", key: "node 1.lab", body: { reason: "stuck" } },
    });
    expect(parse(`${door}.scale-up`, "")).toEqual({ knock: { type: "scale-up", key: "", body: {} } });
  });
  test("what is not JSON, or names nothing, is told so", () => {
    expect(parse(`${door}.power-cycle.n1`, "{oops")).toEqual({ why: "the message is not JSON" });
    expect(parse(door, {})).toEqual({ why: expect.stringContaining("names no event type") });
    expect(parse(`${door}.a`, `"${"x".repeat(300_000)}"`)).toEqual({ why: expect.stringContaining("300002 bytes") });
  });
});

describe("CloudEvents", () => {
  const event = { specversion: "1.0", type: "node-lost", subject: "n1", source: "monitor", id: "7", data: { machine: "n1" } };
  const knock = { type: "node-lost", key: "n1", body: { machine: "n1" }, origin: { source: "monitor", id: "7" } };
  test("structured", () => {
    expect(parse(door, event, { "Content-Type": "application/cloudevents+json; charset=utf-8" })).toEqual({ knock });
  });
  test("binary, whatever the case of the headers, percent-encoded", () => {
    const head = { "Ce-Specversion": "1.0", "ce-type": "node-lost", "ce-subject": "n%31", "CE-Source": "monitor", "ce-id": "7" };
    expect(parse(`${door}.ignored`, { machine: "n1" }, head)).toEqual({ knock });
  });
  test.each([
    [{ specversion: "0.3" }, /specversion is "0.3"/],
    [{ type: "" }, /no type/],
    [{ source: undefined }, /no source or no id/],
    [{ subject: 4 }, /subject is not a text/],
  ])("refused: %j", (change, why) => {
    expect(parse(door, { ...event, ...change }, { "content-type": "application/cloudevents+json" })).toEqual({
      why: expect.stringMatching(why),
    });
  });
});

test("any bytes under any headers give a knock or a reason", () => {
  const name = fc.constantFrom("content-type", "ce-specversion", "ce-type", "ce-subject", "ce-id", "ce-source");
  const value = fc.oneof(
    fc.constantFrom("1.0", "application/cloudevents+json", "%zz"),
    fc.string().filter((text) => !/[\r\n]/.test(text)),
  );
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array(), fc.json().map(bytes)), fc.dictionary(name, value), fc.string(), (data, head, tail) => {
      const list = headers();
      for (const [key, text] of Object.entries(head)) list.set(key, text);
      const parsed = parseKnock(door, { subject: `${door}.${tail}`, data, headers: list });
      if ("why" in parsed) expect(parsed.why).not.toBe("");
      else expect(parsed.knock.type).not.toBe("");
    }),
  );
});
