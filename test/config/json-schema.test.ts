import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
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

/** Each place where keys may be written, as the path that leads there in a file, and the keys. */
function* placesOf(part: unknown, path: readonly (string | number)[] = []): Generator<{ path: readonly (string | number)[]; keys: Tree }> {
  if (!isMap(part)) return;
  const keys = isMap(part.properties) ? part.properties : {};
  if (part.properties) yield { path, keys };
  for (const [key, value] of Object.entries(keys)) yield* placesOf(value, [...path, key]);
  yield* placesOf(part.items, [...path, 0]);
  yield* placesOf(part.additionalProperties, [...path, "a"]);
  for (const one of Array.isArray(part.anyOf) ? part.anyOf : []) yield* placesOf(one, path);
}
const places = [...placesOf(jsonSchema())];

/** A file that says this at this place and nothing else. */
const at = (path: readonly (string | number)[], value: unknown): string =>
  stringify(path.reduceRight((inner, step) => (typeof step === "number" ? [inner] : { [step]: inner }), value));

it("is what is handed out; after a change: npm run schema", () => {
  expect(JSON.parse(read("lightsout.schema.json"))).toEqual(jsonSchema());
});

it("says of every key what it is for, in a sentence", () => {
  const keys = places.flatMap(({ path, keys }) => Object.entries(keys).map(([key, part]) => ({ key: [...path, key].join("."), part })));
  expect(keys.length).toBeGreaterThan(150);
  expect(keys.filter(({ part }) => !isMap(part) || !/^\S.*\.$/.test(String(part.description))).map(({ key }) => key)).toEqual([]);
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
    "snapshots: {to: 2026}",
    "site: 12\nmachines: [{name: 1.5, pool: true, node: 1.5}, {name: a, macs: [525400e12346]}]",
    "machines: {a: {name: }, b: {name: b}}",
    "store: {nats: {servers: 'nats://a, tls://b:4443/'}}",
    "store: NATS://a",
    "machines: {a: {talos: {labels: {x: 1.5, y: true}, taints: {gpu: NoSchedule}}}}",
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
    "snapshots: {keep: {last: 3}}",
    `cluster: {kubeconfig: "\${env:X}"}`,
    `machines: {a: {serial: " \${file:serial} "}}`,
    `machines: {a: {talos: {labels: {x: "\${env:X}"}}}}`,
    `machines: {a: {bmc: {kg: "0x00"}}}`,
    "store: {nats: {servers: nats://a, auth: {token: hunter2}}}",
    "store: {nats: {servers: nats://me:hunter2@a}}",
    `snapshots: {to: {s3: {endpoint: http://a, bucket: etcd, accessKey: GK1, secretKey: hunter2}}}`,
    "netboot: {dnsmasq: {interface: eth0, subnet: 10.0.0.256}}",
    "guards: {budget: {fleet: 4}}",
    "guards: {storm: {share: 0.9}}",
    "guards: {storm: {share: 0}}",
    "cni: {manifests: []}",
    "- a",
  ])("%s", (text) => {
    expect(problems(text)).not.toEqual([]);
    expect(editorErrors(text)).not.toEqual([]);
  });
});

describe("has the loader's own keys, all of them and no other", () => {
  // So far from every key that the loader lists all that it knows.
  const stranger = "zzzzzzzzzzzzzzzz";
  it.each(places.map(({ path, keys }) => [path.join(".") || "the file", path, Object.keys(keys)] as const))("in %s", (_, path, keys) => {
    const text = at(path, { ...Object.fromEntries(keys.map((key) => [key, null])), [stranger]: "x" });
    const unknown = problems(text).filter(({ message }) => message.endsWith("is not a known key"));
    expect(unknown.map((problem) => problem.path)).toEqual([[...path, stranger].join(".")]);
    expect(unknown[0]?.fix.replace("Known here: ", "").split(", ").toSorted()).toEqual(keys.toSorted());
    const flagged = editorErrors(text).filter(
      ({ instancePath, keyword }) => keyword === "additionalProperties" && instancePath === `/${path.join("/")}`.replace(/\/$/, ""),
    );
    expect(flagged.map(({ params }) => params.additionalProperty)).toEqual([stranger]);
  });
});

it("demands the keys that the loader demands, and no other", () => {
  const all = places.flatMap(({ path }) => {
    const text = at(path, {});
    const found = problems(text);
    const missing = found.filter(({ message }) => message === "This is missing").map((problem) => problem.path);
    const demanded = editorErrors(text)
      .filter(({ keyword }) => keyword === "required")
      .map(({ instancePath, params }) => `${instancePath}/${params.missingProperty}`.slice(1).replaceAll("/", "."));
    expect(demanded, text).toEqual(expect.arrayContaining(missing));
    expect(found.map((problem) => problem.path)).toEqual(expect.arrayContaining(demanded));
    return demanded;
  });
  expect(all).toEqual(expect.arrayContaining(["cluster.kubeconfig", "machines.0.name", "snapshots.to", "store.nats.servers"]));
});
