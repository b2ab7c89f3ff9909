import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, it } from "vitest";
import { stringify } from "yaml";
import { importNightwatch } from "#adapters/inventory/mod.ts";
import { loadConfig, parseConfig } from "#config/load.ts";
import { LightsoutError } from "#events";
import { createRig } from "./rig.ts";

const folder = mkdtempSync(join(tmpdir(), "lightsout-nightwatch-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** The first two nodes are written as in Nightwatch's own example. */
const nodes = `nodes:
  node-1:
    elastic_eligible: true
    role: gpu-worker-small
    talos_endpoint: "192.0.2.10"
    iscsi_initiator_addr: "192.0.2.10"
    kube_node_name: node-1
    bmc:
      type: amt
      host: "192.0.2.1"
    wake_policy:
      quiet_mode: eligible
    labels:
      example.com/gpu-model: example-gpu
    gpus:
      - example-gpu
  node-2:
    elastic_eligible: false
    role: gpu-worker-large
    talos_endpoint: "192.0.2.11"
    iscsi_initiator_addr: "192.0.2.11"
    ceph_client_addr: "203.0.113.11"
    kube_node_name: node-2
    bmc:
      type: redfish
      host: "https://192.0.2.2"
  Node_3:
    role: GPU Workers
    talos_endpoint: talos-3.lan
    kube_node_name: talos-3
    bmc: { type: idrac, host: "http://root:calvin@idrac-3.lan:8080/redfish", password: hunter2 }
    gpus: [a, b]
`;

async function imported(text: string, env: Record<string, string> = {}, ...more: string[]) {
  const file = join(folder, "nodes.yml");
  writeFileSync(file, text);
  const { run } = await createRig({ hooks: { env } });
  const { err, exit, out } = await run("import", "nightwatch", file, ...more);
  return { exit, out, err: err.replaceAll(folder, "FOLDER") };
}

it("prints a section that lightsout.yaml takes, and what a person must add", async () => {
  const { err, exit, out } = await imported(nodes, { NIGHTWATCH_BMC_NODE_3_PASSWORD: "of-its-own" });
  expect(exit).toBe(0);
  expect(out).toMatchInlineSnapshot(`
    "defaults:
      bmc:
        user: \${env:NIGHTWATCH_BMC_USERNAME}
        password: \${env:NIGHTWATCH_BMC_PASSWORD}
    machines:
      node-1:
        pool: gpu-worker-small
        address: 192.0.2.10
        gpus: 1
        bmc:
          kind: none
      node-2:
        pool: gpu-worker-large
        address: 192.0.2.11
        bmc:
          kind: redfish
          address: 192.0.2.2
      node-3:
        node: talos-3
        address: talos-3.lan
        gpus: 2
        bmc:
          kind: redfish
          address: idrac-3.lan
          port: 8080
          password: \${env:NIGHTWATCH_BMC_NODE_3_PASSWORD}
          tls:
            plain: true"
  `);
  expect(err).toMatchInlineSnapshot(`
    "# node-1: Intel AMT at 192.0.2.1 is not driven yet; without a BMC Lightsout cordons, drains and asks
    # Node_3 is called node-3: names have lower-case letters, digits, - and .
    # node-3: its role cannot be the name of a pool; write pool yourself
    # node-3: its BMC is spoken to without TLS, and its password can be read on the way
    # elastic_eligible of node-1, node-2 is left out: Lightsout turns no machine off for want of work; \`lightsout power off\` drains and shuts down as drain-shutdown did
    # iscsi_initiator_addr of node-1, node-2 is left out: Lightsout does not ask TrueNAS for iSCSI sessions; it waits until volume attachments are gone
    # wake_policy of node-1 is left out: Lightsout wakes no machine by itself; \`lightsout power on\` brings one back and proves it
    # labels of node-1 is left out: Nightwatch only described with them; write talos.labels for those that the Node is to have
    # ceph_client_addr of node-2 is left out: Lightsout does not ask Ceph for watchers of RBD images; it waits until volume attachments are gone
    # bmc.password of node-3 is left out: it is no key of Nightwatch that Lightsout knows
    # Set where Lightsout is started, as for Nightwatch: NIGHTWATCH_BMC_USERNAME, NIGHTWATCH_BMC_PASSWORD, NIGHTWATCH_BMC_NODE_3_PASSWORD
    # Nightwatch looks at no certificate. Lightsout remembers the one that it sees first: compare it, or write tls.pin or tls.ca
    # Write the uuid, serial and macs of each machine: Nightwatch does not know them, and by them Lightsout knows that it acts on the right box
    # Write cluster.kubeconfig and talos.talosconfig: Nightwatch is given them on its command line"
  `);
  const env = { NIGHTWATCH_BMC_USERNAME: "root", NIGHTWATCH_BMC_PASSWORD: "for all", NIGHTWATCH_BMC_NODE_3_PASSWORD: "of-its-own" };
  const file = join(folder, "lightsout.yaml");
  writeFileSync(file, out);
  const { machines } = loadConfig(file, { env }).config;
  expect(
    machines.map(({ bmc, gpus, name, node, pool }) => [name, node, pool, gpus, bmc?.kind, bmc?.port, bmc?.user, bmc?.password.reveal()]),
  ).toEqual([
    ["node-1", "node-1", "gpu-worker-small", 1, undefined, undefined, undefined, undefined],
    ["node-2", "node-2", "gpu-worker-large", 0, "redfish", undefined, "root", "for all"],
    ["node-3", "talos-3", "default", 2, "redfish", 8080, "root", "of-its-own"],
  ]);
});

it("prints no secret, in neither form", async () => {
  const env = { NIGHTWATCH_BMC_PASSWORD: "the-password", NIGHTWATCH_BMC_USERNAME: "the-user" };
  for (const more of [[], ["--json"]]) {
    const { err, out } = await imported(nodes, env, ...more);
    expect(out + err).not.toMatch(/hunter2|calvin|the-password|the-user/);
  }
});

it("keeps its notes in the document with --json", async () => {
  const { err, out } = await imported(nodes, {}, "--json");
  expect(err).toBe("");
  expect(JSON.parse(out)).toMatchObject({ section: { machines: { "node-1": { bmc: { kind: "none" } } } }, notes: expect.any(Array) });
});

it("refers to no login where no BMC is driven", async () => {
  const { err, out } = await imported(
    stringify({ nodes: { a: { talos_endpoint: "10.0.0.1", kube_node_name: "a", bmc: { type: "amt", host: "10.0.1.1" } } } }),
  );
  expect(out + err).not.toContain("NIGHTWATCH_BMC");
  expect(parseConfig(out, { file: "lightsout.yaml", folder, env: {} }).machines).toHaveLength(1);
});

it("refers to a node's own variables where all have theirs, as Nightwatch does", async () => {
  const given = { talos_endpoint: "10.0.0.1:50000", kube_node_name: "a", bmc: { type: "redfish", host: "[fd00::1]:8443" } };
  const own = { NIGHTWATCH_BMC_A_1_USERNAME: "u", NIGHTWATCH_BMC_A_1_PASSWORD: "p" };
  const { out } = await imported(stringify({ nodes: { "a.1": given } }), own);
  const [machine] = parseConfig(out, { file: "lightsout.yaml", folder, env: own }).machines;
  expect(machine).toMatchObject({ name: "a.1", address: "10.0.0.1", bmc: { address: "fd00::1", port: 8443, user: "u" } });
});

const node = "{ talos_endpoint: 10.0.0.1, kube_node_name: a, bmc: { type: redfish, host: 10.0.1.1 } }";
it.each([
  ["nodes: {}", "nodes.yml:1: nodes is missing or empty"],
  ["- a", "nodes.yml:1: nodes is missing or empty"],
  ["", "nodes.yml:1: nodes is missing or empty"],
  ["kind: ConfigMap\ndata: { nodes.yml: x }", "of a ConfigMap, only the text under data"],
  ["nodes:\n  a: {\n", "nodes.yml:"],
  [`nodes:\n  a: ${node}\n  a: ${node}`, "nodes.yml:3: this is not YAML (DUPLICATE_KEY)"],
  ["nodes:\n  a:\n    - x", "nodes.yml:2: nodes.a is no map"],
  ["nodes:\n  a:\n    talos_endpoint: 10.0.0.1", "nodes.yml:2: nodes.a.bmc is missing"],
  ["nodes:\n  a:\n    bmc:\n      type: wsman\n      host: x", "nodes.yml:4: nodes.a.bmc.type is no kind of BMC"],
  ["nodes:\n  a:\n    bmc:\n      type: redfsh\n      host: x", "Did you mean redfish?"],
  ["nodes:\n  a:\n    bmc: { type: amt, host: x }", "nodes.yml:2: nodes.a.talos_endpoint is missing"],
  ["nodes:\n  a:\n    talos_endpoint: 10.0.0\n    bmc: { type: amt, host: x }", "nodes.yml:3: nodes.a.talos_endpoint is no address"],
  ["nodes:\n  a:\n    talos_endpoint: x\n    bmc: { type: amt, host: x:99999 }", "nodes.yml:4: nodes.a.bmc.host is no address"],
  [
    "nodes:\n  a:\n    talos_endpoint: x\n    kube_node_name: A b\n    bmc: { type: amt, host: x }",
    "nodes.yml:4: nodes.a.kube_node_name cannot",
  ],
  ["nodes:\n  a:\n    talos_endpoint: x\n    bmc: { type: amt, host: 'a b' }", "nodes.yml:4: nodes.a.bmc.host is no address"],
  [`nodes:\n  a:\n    gpus: 2\n    talos_endpoint: x\n    bmc: { type: amt, host: x }`, "nodes.yml:3: nodes.a.gpus is no list"],
  [`nodes:\n  a_b: ${node}\n  A-b: ${node}`, "nodes.yml:3: this would be a-b, as line 2"],
  [`nodes:\n  "?": ${node}`, "nodes.yml:2: this cannot be a machine's name"],
])("of %j says where it is wrong and what to do", async (text, words) => {
  const { err, exit, out } = await imported(text);
  expect({ exit, out }).toEqual({ exit: 1, out: "" });
  expect(err).toContain(words);
});

it("of a file that is not there says so", async () => {
  const { run } = await createRig();
  expect(await run("import", "nightwatch", "/nonexistent/nodes.yml")).toMatchObject({
    exit: 1,
    err: expect.stringMatching(/cannot be read \(ENOENT\)\n.*nodes\.yml that Nightwatch reads/),
  });
});

it("reads any text, or says with file and line why it does not", () => {
  const pieces = fc.constantFrom(
    "nodes:",
    "\n  ",
    "a",
    ": ",
    "bmc",
    "{",
    "}",
    "- ",
    "&x ",
    "*x",
    "<<",
    "!!js",
    "type",
    "host",
    "\t",
    "|",
    "'",
    '"',
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(pieces).map((all) => all.join("")),
      ),
      (text) => {
        try {
          importNightwatch(text, "nodes.yml");
        } catch (error) {
          expect(error).toBeInstanceOf(LightsoutError);
          expect((error as Error).message).toMatch(/^nodes\.yml:\d+: /);
        }
      },
    ),
  );
});
