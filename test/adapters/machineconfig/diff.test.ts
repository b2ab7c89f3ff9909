import fc from "fast-check";
import { expect, it } from "vitest";
import { type ConfigDifference, diffConfig, parseDocuments, printDocuments } from "#adapters/machineconfig/mod.ts";
import { generated } from "#test/lab/generated-config.ts";

it.each<[string, string, ConfigDifference[]]>([
  ["machine: {a: 1, b: {c: x}}", "machine: {b: {c: x}, a: 1}", []],
  ["machine: {a: 1, b: null, c: [], d: {e: ''}}", "machine: {a: 1}", []],
  ["machine: {a: 1}", "machine: {a: 2}", [{ document: "v1alpha1", path: "machine.a", is: "different", declared: "1", running: "2" }]],
  ["machine: {a: true}", "machine: {}", [{ document: "v1alpha1", path: "machine.a", is: "missing", declared: "true" }]],
  ["machine: {}", "machine: {a: {b: x}}", [{ document: "v1alpha1", path: "machine.a", is: "unwanted", running: '{"b":"x"}' }]],
  ["machine: {a: false}", "machine: {}", [{ document: "v1alpha1", path: "machine.a", is: "missing", declared: "false" }]],
  [
    "machine: {sans: [a, b]}",
    "machine: {sans: [b, a]}",
    [{ document: "v1alpha1", path: "machine.sans", is: "different", declared: '["a","b"]', running: '["b","a"]' }],
  ],
  [
    "machine: {kernel: {modules: [{name: nvidia}, {name: nvidia_uvm}]}}",
    "machine: {kernel: {modules: [{name: nvidia_uvm}, {name: nvidia, parameters: [x]}]}}",
    [{ document: "v1alpha1", path: 'machine.kernel.modules[name="nvidia"].parameters', is: "unwanted", running: '["x"]' }],
  ],
  [
    "machine: {}\n---\n{apiVersion: v1alpha1, kind: HostnameConfig, hostname: a}",
    "{apiVersion: v1alpha1, kind: KmsgLogConfig, name: x, url: y}\n---\nmachine: {}",
    [
      { document: "HostnameConfig", path: "", is: "missing", declared: '{"apiVersion":"v1alpha1","kind":"HostnameConfig","hostname":"a"}' },
      {
        document: "KmsgLogConfig/x",
        path: "",
        is: "unwanted",
        running: '{"apiVersion":"v1alpha1","kind":"KmsgLogConfig","name":"x","url":"y"}',
      },
    ],
  ],
  [
    "machine: {token: a}",
    "machine: {token: b}",
    [{ document: "v1alpha1", path: "machine.token", is: "different", declared: "(hidden)", running: "(hidden)" }],
  ],
  [
    "machine: {ca: {crt: a, key: b}}",
    "machine: {}",
    [{ document: "v1alpha1", path: "machine.ca", is: "missing", declared: '{"crt":"(hidden)","key":"(hidden)"}' }],
  ],
])("%j against %j", (declared, running, differences) => {
  expect(diffConfig(declared, running)).toEqual(differences);
});

it("shows no secret of a whole configuration", () => {
  const [main] = parseDocuments(generated("control-plane"));
  const secrets = JSON.stringify(main).match(/"(?:LS0t[^"]+|[a-z0-9]{6}\.[a-z0-9]{16}|[A-Za-z0-9+/]{40,}=*)"/g) ?? [];
  expect(secrets.length).toBeGreaterThan(8);
  const shown = JSON.stringify([diffConfig(generated("control-plane"), ""), diffConfig("", generated("control-plane"))]);
  for (const secret of secrets) expect(shown).not.toContain(secret.slice(1, -1));
});

it("names the side that cannot be read", () => {
  expect(() => diffConfig("a: [", "a: 1")).toThrow(/^the declared configuration/);
  expect(() => diffConfig("a: 1", "a: [")).toThrow(/^the running configuration/);
});

it("finds nothing between a configuration and itself written again, and something wherever they differ", () => {
  const leaf = fc.oneof(fc.string({ minLength: 1 }), fc.integer(), fc.boolean());
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie("tree"), { maxLength: 3 }),
      fc.dictionary(fc.constantFrom("a", "name", "key", "interface"), tie("tree")),
    ),
  }));
  const root = fc.dictionary(fc.constantFrom("machine", "cluster"), tree, { noNullPrototype: true });
  fc.assert(
    fc.property(root, root, leaf, leaf, (document, other, mine, theirs) => {
      expect(diffConfig([document], printDocuments([document]))).toEqual([]);
      expect(diffConfig([document], [other]).length === 0).toBe(diffConfig([other], [document]).length === 0);
      expect(diffConfig([{ ...document, x: mine }], [{ ...document, x: theirs }])).toHaveLength(mine === theirs ? 0 : 1);
    }),
  );
});
