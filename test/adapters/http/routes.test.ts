import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { DeniedError, DeviceError, GateClosedError, LightsoutError, RefusedError, UnsupportedError } from "#events";
import { createFakeTime } from "#events/testing/mod.ts";
import { finishedFact, parkedFact } from "./desk.ts";
import { bearer, createRig, tokens } from "./rig.ts";

const clock = () => createFakeTime().clock();
const decision = { step: "agree", nonce: "nonce-1", digest: "digest-1", approve: true };

describe("runs", () => {
  it("are listed newest first, and filtered", async () => {
    const { send, desk } = createRig();
    desk.begin("aa1", { status: "finished" });
    desk.begin("aa2", { key: "cp-01" });
    desk.begin("bb3", { function: "node-lost" });
    const ids = async (query: string) => {
      const { body } = await send("GET", `/v1/runs${query}`);
      return [(body.runs as { run: string }[]).map(({ run }) => run).join(), body.total];
    };
    expect(await ids("")).toEqual(["bb3,aa2,aa1", 3]);
    expect(await ids("?status=finished")).toEqual(["aa1", 1]);
    expect(await ids("?machine=cp-01")).toEqual(["aa2", 1]);
    expect(await ids("?function=node-lost")).toEqual(["bb3", 1]);
    expect(await ids("?prefix=aa&limit=1")).toEqual(["aa2", 2]);
    expect(await ids("?status=queued&machine=r740-01")).toEqual(["bb3", 1]);
  });

  it.each(["status=done", "limit=0", "limit=1001", "limit=x", "limit=1e9"])("?%s is refused", async (query) => {
    const { status, body } = await createRig().send("GET", `/v1/runs?${query}`);
    expect([status, body.code]).toEqual([400, "LO_HTTP_QUERY"]);
  });

  it("resuming says where it is parked, and refuses another step", async () => {
    const { send, desk } = createRig();
    desk.begin("run-1", { status: "parked" });
    desk.write("run-1", parkedFact("power off"));
    const wrong = await send("POST", "/v1/runs/run-1/resume", { word: "happened", step: "power on" });
    expect([wrong.status, wrong.body.detail]).toEqual([409, 'Run run-1 is parked at "power off", not at "power on"']);
    expect((await send("POST", "/v1/runs/run-1/resume", { word: "did-not-happen" })).status).toBe(202);
    expect(desk.accepted[0]).toMatchObject({
      type: "run-resume-requested",
      data: { run: "run-1", step: "power off", word: "did-not-happen" },
    });
    desk.write("run-1", { is: "word", step: "power off", word: "happened", who: "me" });
    const again = await send("POST", "/v1/runs/run-1/resume", { word: "happened" });
    expect([again.status, again.body.code]).toEqual([409, "LO_RUN_NOT_PARKED"]);
  });

  it("that have finished can be neither cancelled nor resumed; unknown ones are not found", async () => {
    const { send, desk } = createRig();
    desk.begin("run-1");
    desk.write("run-1", parkedFact(), finishedFact("cancelled"));
    const late = await send("POST", "/v1/runs/run-1/cancel", { reason: "late" });
    expect([late.status, late.body.detail]).toEqual([409, "Run run-1 has finished cancelled; nothing of it can be changed any more"]);
    expect((await send("POST", "/v1/runs/run-1/resume", { word: "happened" })).body.code).toBe("LO_RUN_FINISHED");
    for (const path of ["/v1/runs/no", "/v1/runs/no/events"]) expect((await send("GET", path)).body.code).toBe("LO_UNKNOWN_RUN");
    expect((await send("POST", "/v1/runs/no/cancel")).status).toBe(404);
    expect(desk.accepted).toEqual([]);
  });
});

describe("decisions", () => {
  it.each([{ nonce: "other" }, { digest: "other" }, { step: "other" }])("on another question (%o) are refused", async (other) => {
    const { send, desk } = createRig();
    desk.begin("run-1", { status: "asking" });
    desk.ask({ run: "run-1" });
    const reply = await send("POST", "/v1/runs/run-1/decide", { ...decision, ...other });
    expect([reply.status, reply.body.code]).toEqual([409, "LO_QUESTION_CLOSED"]);
    expect(desk.accepted).toEqual([]);
  });

  it("name who decided, and of another run's question nothing is known", async () => {
    const { send, desk } = createRig({ tokens });
    desk.begin("run-1");
    desk.begin("run-2");
    desk.ask({ run: "run-1" });
    expect((await send("POST", "/v1/runs/run-2/decide", decision, bearer("operator"))).status).toBe(409);
    expect((await send("POST", "/v1/runs/no/decide", decision, bearer("operator"))).status).toBe(404);
    expect((await send("POST", "/v1/runs/run-1/decide", { ...decision, note: "go" }, bearer("operator"))).status).toBe(202);
    expect(desk.accepted).toMatchObject([
      { type: "approval-decided", data: { run: "run-1", ...decision, note: "go" }, actor: "operator-name" },
    ]);
  });
});

describe("machines, holds, freeze", () => {
  it.each([
    [{ action: "on", reason: "r" }, "power-on-requested", { reason: "r" }],
    [{ action: "off", hard: true }, "power-off-requested", { hard: true }],
    [{ action: "cycle", confirm: "r740-01" }, "power-cycle", { confirm: "r740-01" }],
  ])("power %o becomes %s", async (body, type, rest) => {
    const { send, desk } = createRig();
    expect((await send("POST", "/v1/machines/r740-01/power", body)).status).toBe(202);
    expect(desk.accepted).toMatchObject([{ type, data: { machine: "r740-01", ...rest }, source: "lightsout/http" }]);
  });

  it.each([{ action: "reset" }, { action: "off", hardd: true }, { action: "on", hard: true }, {}])("power %o is refused", async (body) => {
    const { send, desk } = createRig();
    expect((await send("POST", "/v1/machines/r740-01/power", body)).status).toBe(422);
    expect(desk.accepted).toEqual([]);
  });

  it.each<[string, unknown, string]>([
    ["/v1/machines/r740-01/power", {}, "action is missing (one of on, off, cycle)"],
    ["/v1/machines/r740-01/power", { action: "reset" }, "action must be one of on, off, cycle"],
    ["/v1/machines/r740-01/power", { action: "off", hard: "yes" }, "hard must be true or false"],
    ["/v1/machines/r740-01/power", { action: "off", hardd: true }, "hardd is not known here"],
    ["/v1/holds", { scope: "pool", reason: 7 }, "name is missing (a text); reason must be a text"],
    ["/v1/holds", { scope: "pool", name: "gpu", reason: "x", for: "soon" }, 'for: must be a duration such as "90s", "5m" or "2h"'],
    ["/v1/trust", [], "body must be an object"],
    ["/v1/runs/run-1/cancel", "null", "body must be an object"],
    ["/v1/events", { type: "" }, "type must be a text that is not empty"],
    ["/v1/events", undefined, "type is missing (a text)"],
    ["/v1/freeze", { reason: null }, "reason must be a text"],
  ])("%s with %o is told in words what is wrong", async (path, sent, detail) => {
    const { status, body } = await createRig().send("POST", path, sent);
    expect([status, body.code, body.detail]).toEqual([422, "LO_HTTP_INVALID", detail]);
  });

  it("a light blinks for as long as asked, for whoever asked, and no longer than a BMC can count", async () => {
    const { desk, send } = createRig();
    const way = "/v1/machines/r740-01/identify";
    for (const body of [undefined, { for: "2m" }, { for: "10ms" }, { off: true }]) expect((await send("POST", way, body)).status).toBe(200);
    expect(desk.lit).toEqual([30, 120, 1, 0].map((seconds) => ({ machine: "r740-01", seconds, actor: "local" })));
    for (const body of [{ for: "5m" }, { for: "soon" }, { for: "1m", off: true }, { seconds: 5 }])
      expect(await send("POST", way, body)).toMatchObject({ status: 422, body: { code: "LO_HTTP_INVALID" } });
    desk.set({ fails: new UnsupportedError("r740-01", "identify", "its BMC shows no locator light", { hint: "Find it by its serial" }) });
    expect(await send("POST", way)).toMatchObject({ status: 409, body: { code: "LO_UNSUPPORTED", hint: "Find it by its serial" } });
  });

  it("a hold's length counts on the server's clock", async () => {
    const { send, desk } = createRig({ clock: clock() });
    const hold = { scope: "machine", name: "r740-01", reason: "disk swap" };
    const { status, body } = await send("POST", "/v1/holds", { ...hold, for: "2h" });
    expect([status, body.until]).toEqual([202, "2026-01-01T02:00:00.000Z"]);
    expect(desk.accepted[0]?.data).toEqual({ ...hold, until: "2026-01-01T02:00:00.000Z" });
    await send("POST", "/v1/holds", hold);
    expect(desk.accepted[1]?.data).toEqual(hold);
  });

  it.each([{ for: "soon" }, { for: "2h", until: "2026-01-01T02:00:00Z" }, { for: "99999999999999d" }, { scope: "planet" }, { reason: "" }])(
    "a hold with %o is refused",
    async (wrong) => {
      const { send, desk } = createRig();
      expect((await send("POST", "/v1/holds", { scope: "pool", name: "gpu", reason: "disks", ...wrong })).status).toBe(422);
      expect(desk.accepted).toEqual([]);
    },
  );

  it("holds in force are listed, with their end where they have one", async () => {
    const { send, desk } = createRig();
    const hold = {
      scope: "rack",
      name: "a",
      reason: "disks",
      by: "me",
      since: "2026-01-01T00:00:00.000Z",
      until: "2026-01-01T02:00:00.000Z",
    };
    desk.holds = async () => [hold];
    expect((await send("GET", "/v1/holds")).body).toEqual({ holds: [hold] });
  });

  it("a release names its scope; encoded names arrive whole", async () => {
    const { send, desk } = createRig();
    expect((await send("DELETE", "/v1/holds/rack/row%20a%2Fb")).status).toBe(202);
    expect(desk.accepted[0]).toMatchObject({ type: "hold-released", data: { scope: "rack", name: "row a/b" } });
  });

  it("a freeze goes through where what stood before is not answered", async () => {
    const { send, desk } = createRig({ clock: clock() });
    const { frozen } = desk;
    let asked = 0;
    desk.frozen = () => (asked++ === 0 ? new Promise(() => {}) : frozen());
    const { status, body } = await send("POST", "/v1/freeze", { reason: "storm" });
    expect([status, "before" in body, desk.accepted.length]).toEqual([202, false, 1]);
  });

  it("unfreezing tells that the STOP file still stops everything", async () => {
    const { send, desk } = createRig();
    const frozen = { reason: "STOP file", by: "./STOP", since: "2026-01-01T00:00:00Z" };
    desk.set({ frozen });
    expect((await send("DELETE", "/v1/freeze", { reason: "done" })).body.frozen).toEqual(frozen);
    expect((await send("GET", "/v1/freeze")).body).toEqual({ frozen });
  });
});

describe("health", () => {
  it("is 503 with the reason while something is wrong; ready means that the store takes events", async () => {
    const { send, desk } = createRig();
    expect(await send("GET", "/healthz")).toMatchObject({ status: 200, body: { ok: true, site: "test", store: { detail: "memory" } } });
    desk.set({ health: { ok: false, cluster: { ok: false, detail: "refused" } } });
    expect(await send("GET", "/healthz")).toMatchObject({ status: 503, body: { cluster: { detail: "refused" } } });
    expect(await send("GET", "/readyz")).toMatchObject({ status: 200, body: { ready: true } });
    desk.set({ health: { ok: false, store: { ok: false, detail: "disk full" } } });
    expect((await send("GET", "/readyz")).status).toBe(503);
    desk.set({ fails: new Error("secret") });
    for (const path of ["/healthz", "/readyz"]) {
      const { status, body } = await send("GET", path);
      expect([status, JSON.stringify(body).includes("secret")]).toEqual([503, false]);
    }
  });
});

describe("errors", () => {
  const about = { target: "bmc", operation: "power", effect: "unknown" } as const;
  it.each<[unknown, number, string]>([
    [new RefusedError("held"), 409, "LO_REFUSED"],
    [new RefusedError("held", { code: "LO_HELD" }), 409, "LO_HELD"],
    [new UnsupportedError("m", "off", "none"), 409, "LO_UNSUPPORTED"],
    [new DeniedError("no"), 409, "LO_DENIED"],
    [new GateClosedError("m", "off", "late"), 500, "LO_GATE_CLOSED"],
    [new DeviceError("LO_BMC_TIMEOUT", about, "slow"), 504, "LO_BMC_TIMEOUT"],
    [new DeviceError("LO_BMC_AUTH", about, "no"), 502, "LO_BMC_AUTH"],
    [new DeviceError("LO_CLUSTER_UNREACHABLE", about, "no"), 502, "LO_CLUSTER_UNREACHABLE"],
    [new LightsoutError("LO_STORE_FULL", "full"), 507, "LO_STORE_FULL"],
    [new LightsoutError("LO_STORE_TOO_BIG", "big"), 413, "LO_STORE_TOO_BIG"],
    [new LightsoutError("LO_RUN_AMBIGUOUS", "2 runs begin with a"), 409, "LO_RUN_AMBIGUOUS"],
    [new LightsoutError("LO_DEAD_UNUSABLE", "no envelope"), 409, "LO_DEAD_UNUSABLE"],
    [new LightsoutError("LO_STORE_CLOSED", "closed"), 503, "LO_STORE_CLOSED"],
    [new LightsoutError("LO_CONTENTION", "busy"), 503, "LO_CONTENTION"],
    [new Error("password=hunter2"), 500, "LO_HTTP_INTERNAL"],
    ["a text", 500, "LO_HTTP_INTERNAL"],
  ])("%s is %i %s", async (fails, status, code) => {
    const notes: string[] = [];
    const { send, desk } = createRig({ lawless: true, log: { note: (level, message) => notes.push(`${level} ${message}`) } });
    desk.set({ fails });
    const reply = await send("GET", "/v1/machines");
    expect([reply.status, reply.body.code]).toEqual([status, code]);
    expect(reply.body).toMatchObject({ type: `urn:lightsout:problem:${code}`, title: expect.any(String), detail: expect.any(String) });
    expect(JSON.stringify(reply.body)).not.toContain("hunter2");
    expect(notes.filter((note) => note.startsWith("error")).length).toBe(status === 500 ? 1 : 0);
  });

  it("unknown paths and methods are problems too", async () => {
    const { send } = createRig();
    expect(await send("GET", "/v2")).toMatchObject({
      status: 404,
      body: { code: "LO_HTTP_PATH", hint: expect.stringContaining("docs/reference.md") },
    });
    const put = await send("PUT", "/v1/freeze", {});
    expect([put.status, put.body.code, put.headers.get("allow")]).toEqual([405, "LO_HTTP_METHOD", "GET, HEAD, POST, DELETE"]);
    expect((await send("OPTIONS", "/v1/runs")).headers.get("access-control-allow-origin")).toBe(null);
  });

  it("a desk that hangs is answered for in time, and says that it may still happen", async () => {
    const { send, desk } = createRig({ clock: clock(), requestTimeoutMs: 100 });
    desk.machines = () => new Promise(() => {});
    const { status, body } = await send("GET", "/v1/machines");
    expect([status, body.code]).toEqual([503, "LO_HTTP_TIMEOUT"]);
  });

  it("a stream that opens too late is let go of", async () => {
    const { send, desk } = createRig({ clock: clock(), requestTimeoutMs: 100 });
    desk.begin("run-1");
    const { follow } = desk;
    const opens = Promise.withResolvers<void>();
    const opened = Promise.withResolvers<void>();
    desk.follow = async (id, onEntry) => {
      await opens.promise;
      const stop = await follow(id, onEntry);
      opened.resolve();
      return stop;
    };
    expect((await send("GET", "/v1/runs/run-1/events")).status).toBe(503);
    opens.resolve();
    await opened.promise;
    await expect.poll(() => desk.followers()).toBe(0);
  });

  it("answers are not kept by caches or sniffed", async () => {
    for (const path of ["/v1/runs", "/nowhere"]) {
      const { headers } = await createRig().send("GET", path);
      expect([headers.get("cache-control"), headers.get("x-content-type-options")]).toEqual(["no-store", "nosniff"]);
    }
  });

  it("what people change is logged with their name", async () => {
    const notes: string[] = [];
    const { send } = createRig({ tokens, log: { note: (level, message) => notes.push(`${level} ${message}`) } });
    await send("POST", "/v1/freeze", { reason: "x" }, bearer("operator"));
    await send("GET", "/v1/freeze", undefined, bearer("viewer"));
    await send("POST", "/v1/holds", {}, bearer("operator"));
    expect(notes).toEqual(["info operator-name: POST /v1/freeze: 202", "info operator-name: POST /v1/holds: 422"]);
  });
});

describe("hostile input", () => {
  const { app } = createRig();
  const ways = app.ways.filter(({ path }) => !path.endsWith("/events") || path === "/v1/events");
  const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.constantFrom("..", "%", "%zz", "%00", "__proto__", "constructor"));
  const field = fc.oneof(fc.jsonValue(), fc.constantFrom("machine", "pool", "on", "off", "r740-01", "2h", true));
  const names = [
    "type",
    "data",
    "id",
    "action",
    "hard",
    "word",
    "step",
    "nonce",
    "digest",
    "approve",
    "scope",
    "name",
    "reason",
    "for",
    "trust",
  ];
  const body = fc.oneof(
    fc.json(),
    fc.string(),
    fc.dictionary(fc.constantFrom(...names, "__proto__"), field).map((one) => JSON.stringify(one)),
  );
  const media = fc.constantFrom("application/json", "application/cloudevents+json", "text/plain", "");
  const header = fc.string().map((one) => encodeURIComponent(one.toWellFormed()));

  it("never fails inside, on any route", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...ways),
        text,
        text,
        body,
        media,
        header,
        fc.boolean(),
        async (way, part, query, sent, type, id, ce) => {
          const { raw, desk } = createRig();
          desk.begin("run-1", { status: "parked" });
          desk.write("run-1", parkedFact());
          const safe = encodeURIComponent(part.toWellFormed());
          const path = way.path.replace(/:\w+/g, () => (part.length % 3 === 0 ? "run-1" : part.startsWith("%") ? part : safe || "x"));
          const _search = query === "" ? "" : `?${encodeURI(query.toWellFormed())}`;
          const headers = {
            "content-type": type,
            ...(id === "" ? {} : { "idempotency-key": id, "last-event-id": id }),
            ...(ce ? { "ce-specversion": "1.0", "ce-id": id, "ce-source": safe, "ce-type": "node-lost" } : {}),
          };
          const reply = await raw(way.method, path, way.method === "GET" ? { headers } : { headers, body: sent.toWellFormed() });
          expect(reply.status).not.toBe(500);
          if (reply.status >= 400) expect(await reply.json()).toMatchObject({ status: reply.status, code: expect.stringMatching(/^LO_/) });
        },
      ),
      { numRuns: 600 },
    );
  });
});
