import { describe, expect, it } from "vitest";
import { createToken, type Role } from "#adapters/http/mod.ts";
import { tokenDigest } from "#adapters/http/token.ts";
import { finishedFact, parkedFact } from "./desk.ts";
import { bearer, createRig, roles, tokens } from "./rig.ts";

/** Every route, a request that succeeds on it, and who may make it. A route that is missing here fails the test below. */
const matrix: readonly {
  way: string;
  path?: string;
  body?: unknown;
  least: Role | "nobody";
  status?: number;
}[] = [
  { way: "POST /v1/events", body: { type: "node-lost", data: { machine: "r740-01" } }, least: "operator", status: 202 },
  { way: "GET /v1/runs", least: "viewer" },
  { way: "GET /v1/runs/:id", path: "/v1/runs/parked", least: "viewer" },
  { way: "GET /v1/runs/:id/events", path: "/v1/runs/ended/events", least: "viewer" },
  { way: "POST /v1/runs/:id/cancel", path: "/v1/runs/parked/cancel", least: "operator", status: 202 },
  { way: "POST /v1/runs/:id/resume", path: "/v1/runs/parked/resume", body: { word: "happened" }, least: "operator", status: 202 },
  { way: "GET /v1/questions", least: "viewer" },
  {
    way: "POST /v1/runs/:id/decide",
    path: "/v1/runs/parked/decide",
    body: { step: "agree", nonce: "nonce-1", digest: "digest-1", approve: true },
    least: "operator",
    status: 202,
  },
  { way: "GET /v1/machines", least: "viewer" },
  { way: "GET /v1/machines/:name/why", path: "/v1/machines/r740-01/why", least: "viewer" },
  { way: "POST /v1/machines/:name/power", path: "/v1/machines/r740-01/power", body: { action: "on" }, least: "operator", status: 202 },
  {
    way: "POST /v1/machines/:name/identify",
    path: "/v1/machines/r740-01/identify",
    least: "operator",
    status: 200,
  },
  {
    way: "POST /v1/machines/:name/attestation",
    path: "/v1/machines/r740-01/attestation",
    body: { reason: "its cord is pulled" },
    least: "operator",
    status: 202,
  },
  {
    way: "DELETE /v1/machines/:name/attestation",
    path: "/v1/machines/r740-01/attestation",
    body: { reason: "it is on again" },
    least: "operator",
    status: 202,
  },
  { way: "GET /v1/config/check", path: "/v1/config/check?machine=r740-01", least: "viewer" },
  { way: "GET /v1/machines/:name/config", path: "/v1/machines/r740-01/config", least: "operator" },
  { way: "GET /v1/machines/:name/config/diff", path: "/v1/machines/r740-01/config/diff", least: "operator" },
  { way: "GET /v1/arms", least: "viewer" },
  { way: "DELETE /v1/arms/:name", path: "/v1/arms/r740-01", body: { reason: "a test" }, least: "operator" },
  { way: "GET /v1/dnsmasq", least: "viewer" },
  { way: "GET /v1/snapshots", least: "viewer" },
  { way: "GET /v1/holds", least: "viewer" },
  { way: "POST /v1/holds", body: { scope: "pool", name: "gpu", reason: "disks" }, least: "operator", status: 202 },
  { way: "DELETE /v1/holds/:scope/:name", path: "/v1/holds/pool/gpu", least: "operator", status: 202 },
  { way: "GET /v1/freeze", least: "viewer" },
  { way: "POST /v1/freeze", body: { reason: "storm" }, least: "operator", status: 202 },
  { way: "DELETE /v1/freeze", least: "operator", status: 202 },
  { way: "POST /v1/trust", body: { scope: "pool", name: "gpu", trust: "auto" }, least: "admin", status: 202 },
  { way: "GET /v1/shadow", least: "viewer" },
  { way: "GET /v1/dead", least: "viewer" },
  { way: "POST /v1/dead/:seq/replay", path: "/v1/dead/7/replay", least: "operator", status: 202 },
  { way: "GET /healthz", least: "nobody" },
  { way: "GET /readyz", least: "nobody" },
  { way: "GET /openapi.json", least: "viewer" },
];

const rigWithRuns = (options: Parameters<typeof createRig>[0]) => {
  const rig = createRig(options);
  rig.desk.begin("parked", { status: "parked" });
  rig.desk.write("parked", parkedFact());
  rig.desk.ask({ run: "parked" });
  rig.desk.begin("ended");
  rig.desk.write("ended", finishedFact());
  return rig;
};

describe("who may use which route", () => {
  it("is written down for every route there is", () => {
    const { app } = createRig();
    expect(app.ways.map(({ method, path }) => `${method} ${path}`).sort()).toEqual(matrix.map(({ way }) => way).sort());
    const registered = app.routes.filter(({ method }) => method !== "ALL").map(({ method, path }) => `${method} ${path}`);
    expect(registered.sort()).toEqual(matrix.map(({ way }) => way).sort());
  });

  const given = [undefined, ...roles, "wrong"] as const;
  const cases = matrix.flatMap((row) => given.map((token) => ({ ...row, token })));
  it.each(cases)("$way with token $token", async ({ way, path, body, least, status = 200, token }) => {
    const { raw, desk } = rigWithRuns({ tokens });
    const [method = "", pattern = ""] = way.split(" ");
    const reply = await raw(method, path ?? pattern, {
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}-token` }) },
    });
    const enough = token !== undefined && token !== "wrong" && least !== "nobody" && roles.indexOf(token) >= roles.indexOf(least);
    const stranger = token === undefined || token === "wrong";
    expect(reply.status).toBe(least === "nobody" || enough ? status : stranger ? 401 : 403);
    if (enough && status === 202)
      expect(desk.accepted.map(({ actor, origin }) => [actor, origin])).toEqual([[`${token}-name`, "operator"]]);
    else expect(desk.accepted).toEqual([]);
  });

  it.each(matrix)("without tokens, $way is open to the local user", async ({ way, path, body, status = 200 }) => {
    const { raw, desk } = rigWithRuns({});
    const [method = "", pattern = ""] = way.split(" ");
    const headers = { "content-type": "application/json" };
    const reply = await raw(method, path ?? pattern, body === undefined ? { headers } : { body: JSON.stringify(body), headers });
    expect(reply.status).toBe(status);
    expect(desk.accepted.every(({ actor }) => actor === "local")).toBe(true);
  });

  it("an operator cannot change trust through the door for events", async () => {
    const { send, desk } = createRig({ tokens });
    const event = { type: "trust-changed", data: { scope: "pool", name: "gpu", trust: "auto" } };
    const refused = await send("POST", "/v1/events", event, bearer("operator"));
    expect([refused.status, refused.body.code]).toEqual([403, "LO_HTTP_FORBIDDEN"]);
    expect(desk.accepted).toEqual([]);
    expect((await send("POST", "/v1/events", event, bearer("admin"))).status).toBe(202);
  });
});

describe("tokens", () => {
  it.each([
    ["nothing", ""],
    ["another scheme", "Basic operator-token"],
    ["a query's way", "operator-token"],
    ["the digest itself", `Bearer ${tokens[1]?.sha256}`],
    ["two at once", "Bearer operator-token, Bearer admin-token"],
    ["an empty one", "Bearer "],
  ])("%s is not a token", async (_, authorization) => {
    const { send } = createRig({ tokens });
    const { status, headers, body } = await send("GET", "/v1/runs", undefined, { authorization });
    expect([status, body.code]).toEqual([401, "LO_HTTP_UNAUTHORIZED"]);
    expect(headers.get("www-authenticate")).toMatch(/^Bearer realm="lightsout"/);
    expect(JSON.stringify(body)).not.toContain("operator-token");
  });

  it("a token in the query is not read", async () => {
    const { send } = createRig({ tokens });
    expect((await send("GET", "/v1/runs?token=operator-token")).status).toBe(401);
  });

  it("strangers learn nothing of their body or query", async () => {
    const { send } = createRig({ tokens });
    expect((await send("POST", "/v1/events?nonsense=1", "{")).status).toBe(401);
  });

  it("a new token opens what its digest is configured for", async () => {
    const { token, sha256 } = createToken();
    expect(sha256).toBe(tokenDigest(token));
    const { send } = createRig({ tokens: [{ name: "me", role: "viewer", sha256 }] });
    expect((await send("GET", "/v1/runs", undefined, { authorization: `bearer ${token}` })).status).toBe(200);
    expect(createToken().token).not.toBe(token);
  });
});

describe("web pages, while no tokens are configured", () => {
  it.each([
    ["evil.example", undefined, 421, "LO_HTTP_HOST"],
    ["evil.example:7480", undefined, 421, "LO_HTTP_HOST"],
    ["127.0.0.1.evil.example", undefined, 421, "LO_HTTP_HOST"],
    ["localhost.evil.example:7480", undefined, 421, "LO_HTTP_HOST"],
    ["10.0.0.5:7480", undefined, 421, "LO_HTTP_HOST"],
    ["127.0.0.1:7480", "https://evil.example", 403, "LO_HTTP_ORIGIN"],
    ["127.0.0.1:7480", "null", 403, "LO_HTTP_ORIGIN"],
    ["127.0.0.1:7480", "http://localhost.evil.example", 403, "LO_HTTP_ORIGIN"],
    ["127.0.0.1:7480", "http://127.0.0.1:3000", 403, "LO_HTTP_ORIGIN"],
  ])("host %s and origin %s are refused", async (host, origin, status, code) => {
    const { send, desk } = createRig();
    const headers = { host, ...(origin === undefined ? {} : { origin }) };
    const reply = await send("POST", "/v1/freeze", { reason: "x" }, headers);
    expect([reply.status, reply.body.code]).toEqual([status, code]);
    expect(desk.accepted).toEqual([]);
    expect((await send("GET", "/healthz", undefined, headers)).status).toBe(status);
  });

  it.each([
    ["127.0.0.1:7480", undefined],
    ["LOCALHOST:7480", undefined],
    ["[::1]:7480", "http://[::1]:7480"],
    ["127.0.0.1:7480", "http://127.0.0.1:7480"],
  ])("host %s and origin %s are our own", async (host, origin) => {
    const { send } = createRig();
    expect((await send("GET", "/v1/runs", undefined, { host, ...(origin === undefined ? {} : { origin }) })).status).toBe(200);
  });

  it("with tokens any name may be used: a page cannot know the token", async () => {
    const { send } = createRig({ tokens });
    expect((await send("GET", "/v1/runs", undefined, { host: "lightsout.example", ...bearer("viewer") })).status).toBe(200);
  });
});
