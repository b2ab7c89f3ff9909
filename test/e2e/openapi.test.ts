import { expect, test } from "vitest";
import { createReferee } from "#test/adapters/http/referee.ts";
import { startScene } from "./lab.ts";

test("every answer of a running Lightsout is as its own OpenAPI document says", { timeout: 300_000 }, async (context) => {
  const scene = await startScene(context);
  const { url } = scene.lightsout;
  const referee = createReferee(await scene.call("GET", "/openapi.json"));
  const send = async (method: string, path: string, body?: object) => {
    const json = { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const reply = await fetch(url + path, { method, ...(body && json) });
    expect(referee.objection(method, path, { status: reply.status, headers: reply.headers, text: await reply.text() })).toBeUndefined();
    return reply.status;
  };

  expect(await send("POST", "/v1/machines/gpu/power?plan=true", { action: "cycle" })).toBe(200);
  expect(await send("POST", "/v1/machines/gpu/power", { action: "cycle", reason: "a test" })).toBe(202);
  const { summary } = await scene.ended("gpu", "power-cycle");
  expect(await send("POST", "/v1/holds", { scope: "machine", name: "gpu", reason: "disks", for: "1h" })).toBe(202);
  expect(await send("GET", "/v1/holds")).toBe(200);
  expect(await send("DELETE", "/v1/holds/machine/gpu")).toBe(202);
  expect(await send("POST", "/v1/freeze", { reason: "a test" })).toBe(202);
  expect(await send("DELETE", "/v1/freeze", {})).toBe(202);
  expect(await send("POST", "/v1/events", { type: "power-cycle", data: { machine: "nobody" } })).toBe(404);
  expect(await send("POST", `/v1/runs/${summary.run}/cancel`)).toBe(409);
  for (const { method, path } of referee.ways.filter((way) => way.method === "GET")) {
    const asked = path.replace("{name}", "gpu").replace("{id}", summary.run);
    // What the scene has not configured is refused, and a Talos that it has not does not answer: as documented.
    expect([200, 409, 502], asked).toContain(await send(method, asked));
  }
});
