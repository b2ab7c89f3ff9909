import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, it } from "vitest";
import { z } from "zod";
import { createDocument } from "#adapters/http/openapi/document.ts";
import { routes } from "#adapters/http/routes/mod.ts";
import { builtinEvents, defineEvent } from "#events";
import { createRig as createCliRig } from "#test/adapters/cli/rig.ts";
import { createReferee, type Document } from "./referee.ts";
import { bearer, createRig, tokens } from "./rig.ts";

const about = { version: "1.2.3", events: builtinEvents };
const documentOf = (events = builtinEvents) => JSON.parse(JSON.stringify(createDocument(routes, { ...about, events }))) as Document;

/** What the document lets through at the door for events. */
function door(document: Document, media = "application/json") {
  const referee = createReferee(document);
  const body = referee.ways.find(({ operationId }) => operationId === "sendEvent")?.requestBody?.content[media]?.schema ?? {};
  return (value: unknown) => referee.fits(body, value);
}

it("is valid OpenAPI 3.1, by a validator that is not ours", async () => {
  const validator = new Validator();
  expect(await validator.validate({ ...documentOf() })).toEqual({ valid: true });
  expect(validator.version).toBe("3.1");
});

it("refers to nothing that is not in it, and has nothing that is not referred to", () => {
  const document = documentOf();
  const text = JSON.stringify(document);
  const named = new Set([...text.matchAll(/"#\/components\/schemas\/([^"/]+)/g)].map(([, name]) => name));
  expect([...named].sort()).toEqual(Object.keys(document.components.schemas).sort());
});

it("names every route, with its role, and each name once", () => {
  const { ways } = createReferee(documentOf());
  expect(ways.map((way) => `${way.method} ${way.path} ${way["x-role"]}`)).toHaveLength(routes.length);
  for (const { method, needs, path } of routes) {
    expect(ways.find((way) => way.method === method && way.path === path.replace(/:(\w+)/g, "{$1}"))?.["x-role"]).toBe(needs);
  }
  expect(new Set(ways.map(({ operationId }) => operationId)).size).toBe(routes.length);
});

it("lets every event through that may be sent, with its data, and no other", () => {
  const fits = door(documentOf());
  expect(fits({ type: "power-cycle", data: { machine: "gpu-02", hard: true }, id: "mine" })).toBe(true);
  expect(fits({ type: "bootstrap-requested" })).toBe(true);
  expect(fits({ type: "power-cycle", data: { machine: "gpu-02", hard: "yes" } })).toBe(false);
  expect(fits({ type: "power-cycle" })).toBe(false);
  expect(fits({ type: "power-cycle", data: { machine: "gpu-02" }, id: "two\nlines" })).toBe(false);
  expect(fits({ type: "node-ready", data: { machine: "gpu-02", bootID: "x" } })).toBe(false);
  const structured = door(documentOf(), "application/cloudevents+json");
  expect(structured({ specversion: "1.0", id: "1", source: "monitor", type: "node-lost", data: { machine: "a" }, traceparent: "x" })).toBe(
    true,
  );
  expect(structured({ specversion: "0.3", id: "1", source: "monitor", type: "node-lost", data: { machine: "a" } })).toBe(false);
});

it("has the events of the site's own functions, whatever their schemas are made of", async () => {
  type Tree = { name: string; under: Tree[] };
  const tree: z.ZodType<Tree> = z.strictObject({ name: z.string(), under: z.array(z.lazy(() => tree)) });
  const own = defineEvent("disk-swapped", {
    origin: "external",
    schema: z.strictObject({ tree, at: z.date().optional(), more: z.json(), slot: z.string().transform(Number) }),
    key: () => "x",
  });
  const document = documentOf([...builtinEvents, own]);
  expect(await new Validator().validate({ ...document })).toEqual({ valid: true });
  const fits = door(document);
  const data = { tree: { name: "a", under: [{ name: "b", under: [] }] }, more: [1, { a: null }], slot: "7" };
  expect(fits({ type: "disk-swapped", data })).toBe(true);
  expect(fits({ type: "disk-swapped", data: { ...data, tree: { name: "a", under: [{}] } } })).toBe(false);
});

it("is served to viewers, and printed by the command line without a server", async () => {
  const { send } = createRig({ tokens });
  expect((await send("GET", "/openapi.json")).status).toBe(401);
  const { body } = await send("GET", "/openapi.json", undefined, bearer("viewer"));
  const { run } = await createCliRig({ hooks: { env: { LIGHTSOUT_URL: "http://127.0.0.1:1" } } });
  const { exit, out } = await run("openapi");
  expect(exit).toBe(0);
  const { info, ...rest } = JSON.parse(out) as Record<string, unknown>;
  expect(rest).toEqual({ ...body, info: undefined });
  expect(info).toMatchObject({ title: "Lightsout", version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
});
