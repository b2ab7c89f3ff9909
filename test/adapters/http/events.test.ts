import { describe, expect, it } from "vitest";
import { createRig } from "./rig.ts";

const lost = { type: "node-lost", data: { machine: "r740-01" } };
const structured = { specversion: "1.0", id: "a-1", source: "monitor", ...lost };
const asCloudEvent = { "content-type": "application/cloudevents+json; charset=utf-8" };
const binary = { "ce-specversion": "1.0", "ce-id": "a%201", "ce-source": "monitor", "ce-type": "node-lost" };

describe("POST /v1/events", () => {
  it("lets an event in with the door's source and the caller's name, and answers what follows", async () => {
    const { send, desk } = createRig();
    desk.starts("run-1");
    const { status, body } = await send("POST", "/v1/events", { ...lost, id: "mine" });
    expect([status, body]).toEqual([202, { id: "mine", runs: ["run-1"], repeated: false }]);
    expect(desk.accepted).toEqual([{ ...lost, id: "mine", origin: "operator", source: "lightsout/http", actor: "local" }]);
    expect((await send("POST", "/v1/events", { ...lost, id: "mine" })).body.repeated).toBe(true);
  });

  it("reads structured CloudEvents; their producer's source stays apart from ours", async () => {
    const { send, desk } = createRig();
    const event = { ...structured, time: "2026-01-01T00:00:00Z", traceparent: "an extension" };
    expect((await send("POST", "/v1/events", event, asCloudEvent)).status).toBe(202);
    const about = { id: "a-1", source: "lightsout/http/monitor", time: "2026-01-01T00:00:00Z" };
    expect(desk.accepted).toEqual([{ ...lost, ...about, origin: "operator", actor: "local" }]);
  });

  it("reads binary CloudEvents", async () => {
    const { send, desk } = createRig();
    expect((await send("POST", "/v1/events", lost.data, binary)).status).toBe(202);
    expect(desk.accepted).toEqual([{ ...lost, id: "a 1", source: "lightsout/http/monitor", origin: "operator", actor: "local" }]);
  });

  it("takes the event's id from Idempotency-Key", async () => {
    const { send, desk } = createRig();
    await send("POST", "/v1/freeze", { reason: "x" }, { "idempotency-key": "once" });
    expect(desk.accepted[0]?.id).toBe("once");
  });

  it("refuses an Idempotency-Key that cannot be an id, even beside an id", async () => {
    const { send, desk } = createRig();
    for (const path of ["/v1/events", "/v1/events?plan=true"]) {
      const reply = await send("POST", path, { ...lost, id: "mine" }, { "idempotency-key": "x".repeat(257) });
      expect([reply.status, reply.body.code]).toEqual([422, "LO_HTTP_INVALID"]);
      expect(reply.body.detail).toContain("Idempotency-Key");
    }
    expect(desk.accepted).toEqual([]);
  });

  it("answers a plan and does nothing", async () => {
    const { send, desk } = createRig();
    const reply = await send("POST", "/v1/events?plan=true", lost);
    expect([reply.status, reply.body]).toEqual([200, { plan: [expect.objectContaining({ stops: "a person is asked" })] }]);
    expect([desk.accepted.length, desk.planned.length]).toEqual([0, 1]);
    const power = await send("POST", "/v1/machines/r740-01/power?plan=true", { action: "off", hard: true });
    expect([power.status, desk.accepted.length]).toEqual([200, 0]);
    expect(desk.planned[1]).toMatchObject({ type: "power-off-requested", data: { machine: "r740-01", hard: true } });
  });

  it.each(["plan=yes", "plan=", "plan=1", "Plan=true", "dry-run=true", "plan=false&plan=true"])("?%s never acts", async (query) => {
    const { send, desk } = createRig();
    const { status, body } = await send("POST", `/v1/events?${query}`, lost);
    expect([status, body.code, desk.accepted.length]).toEqual([400, "LO_HTTP_QUERY", 0]);
  });

  it.each<[string, unknown, Record<string, string>, number, string]>([
    ["malformed JSON", "{", {}, 400, "LO_HTTP_JSON"],
    ["a body of no type", "x=1", { "content-type": "application/x-www-form-urlencoded" }, 415, "LO_HTTP_MEDIA_TYPE"],
    ["a batch", [structured], { "content-type": "application/cloudevents-batch+json" }, 415, "LO_HTTP_MEDIA_TYPE"],
    ["no body", undefined, {}, 422, "LO_HTTP_INVALID"],
    ["null", "null", {}, 422, "LO_HTTP_INVALID"],
    ["a list", [lost], {}, 422, "LO_HTTP_INVALID"],
    ["a misspelt field", { ...lost, idd: "1" }, {}, 422, "LO_HTTP_INVALID"],
    ["an id that splits headers", { ...lost, id: "a\r\nNats-Expected-Stream: x" }, {}, 422, "LO_HTTP_INVALID"],
    ["an id of half a character", { ...lost, id: "\ud800" }, {}, 422, "LO_HTTP_INVALID"],
    ["an endless id", { ...lost, id: "x".repeat(257) }, {}, 422, "LO_HTTP_INVALID"],
    ["an older CloudEvent", { ...structured, specversion: "0.3" }, asCloudEvent, 422, "LO_HTTP_INVALID"],
    ["a CloudEvent without an id", { ...structured, id: "" }, asCloudEvent, 422, "LO_HTTP_INVALID"],
    ["bytes for data", { ...structured, data_base64: "e30=" }, asCloudEvent, 422, "LO_HTTP_INVALID"],
    ["a binary CloudEvent without a type", lost.data, { ...binary, "ce-type": "" }, 422, "LO_HTTP_INVALID"],
    ["a binary id with a line break", lost.data, { ...binary, "ce-id": "a%0ab" }, 422, "LO_HTTP_INVALID"],
    ["an unknown type", { type: "reboot-everything" }, {}, 404, "LO_EVENT_UNKNOWN"],
    ["an internal type", { type: "node-ready", data: { machine: "r740-01", bootID: "x" } }, {}, 403, "LO_EVENT_FORBIDDEN"],
    ["data that does not fit", { type: "node-lost", data: {} }, {}, 422, "LO_EVENT_INVALID"],
    ["an unknown machine", { type: "node-lost", data: { machine: "r750" } }, {}, 404, "LO_UNKNOWN_MACHINE"],
  ])("refuses %s", async (_, body, headers, status, code) => {
    const { send, desk } = createRig();
    const reply = await send("POST", "/v1/events", body, headers);
    expect([reply.status, reply.body.code, reply.body.status]).toEqual([status, code, status]);
    expect(reply.headers.get("content-type")).toBe("application/problem+json");
    expect(desk.accepted).toEqual([]);
  });

  it("refuses what is not UTF-8, and what nests without end", async () => {
    const { raw, send } = createRig();
    const headers = { "content-type": "application/json" };
    const bytes = await raw("POST", "/v1/events", { body: new Uint8Array([0x22, 0xff, 0x22]), headers });
    expect([bytes.status, await bytes.json()]).toEqual([400, expect.objectContaining({ code: "LO_HTTP_JSON" })]);
    const deep = `{"type":"node-lost","data":${"[".repeat(100_000)}${"]".repeat(100_000)}}`;
    expect(await send("POST", "/v1/events", deep)).toMatchObject({ status: 400, body: { code: "LO_HTTP_JSON" } });
  });

  it("holds the conditions of decisions, whichever way they come in", async () => {
    const { send, desk } = createRig();
    desk.begin("run-1");
    const data = { run: "run-1", step: "agree", nonce: "n", digest: "d", approve: true };
    expect(await send("POST", "/v1/events", { type: "approval-decided", data })).toMatchObject({ status: 409 });
    expect(await send("POST", "/v1/events", { type: "run-cancel-requested", data: { run: "no" } })).toMatchObject({ status: 404 });
    expect(desk.accepted).toEqual([]);
  });
});
