import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse, stringify } from "yaml";
import { ConfigError, parseConfig } from "#config/load.ts";
import { jsonSchema } from "#config/schema/json.ts";
import { createRack } from "#test/lab/rack.ts";
import { editorErrors } from "./editor.ts";

const read = (file: string) => readFileSync(new URL(`../../config/${file}`, import.meta.url), "utf8");
const example = read("example.yaml");
const env = { CP_01_BMC_PASSWORD: "a", R740_01_BMC_PASSWORD: "b", WS_01_BMC_PASSWORD: "c", X: "x" };

type Tree = { readonly [key: string]: unknown };
const isMap = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

function problems(text: string) {
  try {
    parseConfig(text, { file: "lightsout.yaml", folder: "/etc/lightsout", env });
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Each key that may be written, with the path that leads to it. */
function* keysOf(part: unknown, path = ""): Generator<{ path: string; key: string; part: Tree }> {
  if (!isMap(part)) return;
  for (const [key, value] of Object.entries(isMap(part.properties) ? part.properties : {})) {
    if (isMap(value)) yield { path: `${path}.${key}`, key, part: value };
    yield* keysOf(value, `${path}.${key}`);
  }
  for (const inner of [part.items, part.additionalProperties, ...(Array.isArray(part.anyOf) ? part.anyOf : [])]) yield* keysOf(inner, path);
}
const keys = [...keysOf(jsonSchema())];

it("is what is handed out; after a change: npm run schema", () => {
  expect(JSON.parse(read("lightsout.schema.json"))).toEqual(jsonSchema());
});

it("says of every key what it is for, in a sentence", () => {
  expect(keys.length).toBeGreaterThan(150);
  expect(keys.filter(({ part }) => !/^\S.*\.$/.test(String(part.description))).map(({ path }) => path)).toEqual([]);
  expect(JSON.stringify(keys)).not.toContain("inOneWord");
});

it("is named in the example, and takes it and the lab", async () => {
  expect(example).toMatch(/^# yaml-language-server: \$schema=\.\/lightsout\.schema\.json$/m);
  expect(editorErrors(example)).toEqual([]);
  const rack = await createRack({ scale: 20 });
  try {
    expect(editorErrors(rack.yaml({ store: "embedded", listen: "127.0.0.1:0" }))).toEqual([]);
  } finally {
    await rack.close();
  }
});

describe("takes what is loaded", () => {
  it.each([
    "machines: {a: , b: {}}",
    "machines: [{name: a}, {name: 1}]",
    "pools: {gpu: }\nmachines: {a: {pool: gpu}}",
    "store: nats://10.0.0.1:4222,nats://10.0.0.2",
    `store: {nats: {servers: [nats://a], auth: {token: "\${env:X}"}}}`,
    `machines: {a: {bmc: {kind: ipmi, address: 10.0.0.1, user: "\${env:X}", password: "\${env:X}", cipherSuite: 3, port: "623"}}}`,
    "machines: {a: {macs: [3cecef123456, 3CEC.EF12.3457, 3c-ec-ef-12-34-58, 123456123456], serial: 0012, pet: true}}",
    "guards: {storm: {share: 0.2}}\nmachines: {a: }",
    "guards: {storm: {share: 20%}}\ntrust: \nmachines: {a: {talos: {labels: {x: , y: 1}}}}",
    "snapshots: {to: ./s, schedule: '@daily', keep: {last: 3}}",
  ])("%s", (text) => {
    expect(problems(text)).toEqual([]);
    expect(editorErrors(text)).toEqual([]);
  });
});

describe("refuses what is not loaded for its shape", () => {
  it.each([
    "machinse: {}",
    "machines: {a: {bcm: {}}}",
    "machines: [{}]",
    "machines: [a]",
    "machines: gpu-01",
    "machines: {A_B: {}}",
    "patience: 5 minutes",
    "patience: 300",
    "grace: [1m]",
    "trust: sometimes",
    "http: {listen: everywhere}",
    "http: {tokens: {name: me}}",
    "http: {listen: 0.0.0.0:7480, tokens: [{name: me, role: king, sha256: abc}]}",
    "machines: {a: {uuid: 12}}",
    "machines: {a: {macs: [3c:ec:ef]}}",
    "machines: {a: {macs: 3c:ec:ef:12:34:56}}",
    "machines: {a: {gpus: 65}}",
    "machines: {a: {gpus: many}}",
    "machines: {a: {pet: maybe}}",
    "machines: {a: {bmc: {kind: amt}}}",
    "machines: {a: {bmc: {kind: redfish, address: https://10.0.0.1, user: u}}}",
    "machines: {a: {bmc: {kind: redfish, address: 10.0.0.1, user: u, password: hunter2}}}",
    "machines: {a: {bmc: {cipherSuite: 0}}}",
    "machines: {a: {talos: {version: latest}}}",
    "machines: {a: {talos: {taints: {gpu: Sometimes}}}}",
    "store: postgres://db",
    "store: {nats: {servers: []}}",
    "store: {nats: {replicas: 2, servers: [nats://a]}}",
    "snapshots: {schedule: daily, to: ./s}",
    "snapshots: {to: {s3: {bucket: etcd}}}",
    "cluster: {context: a}",
    "guards: {budget: {fleet: 4}}",
    "guards: {storm: {share: 0.9}}",
    "cni: {manifests: []}",
    "- a",
  ])("%s", (text) => {
    expect(problems(text)).not.toEqual([]);
    expect(editorErrors(text)).not.toEqual([]);
  });
});

it("knows the same keys as the loader, wherever one is put", () => {
  const document: unknown = parse(example);
  const places: string[][] = [];
  const visit = (value: unknown, path: string[]) => {
    if (!isMap(value)) return;
    places.push(path);
    for (const [key, inner] of Object.entries(value)) visit(inner, [...path, key]);
  };
  visit(document, []);
  const word = fc.oneof(fc.constantFrom(...new Set(keys.map(({ key }) => key))), fc.stringMatching(/^[a-z]{1,8}$/));
  fc.assert(
    fc.property(fc.constantFrom(...places), word, (path, key) => {
      const changed: unknown = structuredClone(document);
      const place = path.reduce<unknown>((here, segment) => (isMap(here) ? here[segment] : undefined), changed);
      if (!isMap(place) || Object.hasOwn(place, key)) return;
      Object.assign(place, { [key]: "x" });
      const text = stringify(changed);
      const loader = problems(text).some(
        ({ message, path: at }) => at === [...path, key].join(".") && message.endsWith("is not a known key"),
      );
      const editor = editorErrors(text).some(
        ({ instancePath, keyword, params }) =>
          keyword === "additionalProperties" &&
          params.additionalProperty === key &&
          instancePath === path.map((one) => `/${one.replaceAll("~", "~0").replaceAll("/", "~1")}`).join(""),
      );
      expect({ path, key, unknown: editor }).toEqual({ path, key, unknown: loader });
    }),
    { numRuns: 200 },
  );
});
