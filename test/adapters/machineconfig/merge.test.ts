import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseDocuments, patchDocuments, printDocuments } from "#adapters/machineconfig/mod.ts";
import { LightsoutError } from "#events";

const patched = (base: string, ...patches: string[]) =>
  printDocuments(patches.reduce((documents, patch) => patchDocuments(documents, parseDocuments(patch)), parseDocuments(base)));

describe("a strategic merge, as Talos does it", () => {
  it.each<[string, string, string, string]>([
    ["maps merge", "machine: {a: {x: 1}}", "machine: {a: {y: 2}}", "machine: {a: {x: 1, y: 2}}"],
    ["scalars replace", "machine: {type: worker}", "machine: {type: controlplane}", "machine: {type: controlplane}"],
    ["empty texts and zero do not", "machine: {a: x, b: 5}", 'machine: {a: "", b: 0}', "machine: {a: x, b: 5}"],
    ["where nothing is, they do", "machine: {}", 'machine: {a: "", b: 0}', 'machine: {a: "", b: 0}'],
    ["false always counts", "machine: {a: true}", "machine: {a: false}", "machine: {a: false}"],
    ["null changes nothing", "machine: {a: {x: 1}}", "machine: {a: null}", "machine: {a: {x: 1}}"],
    ["lists append", "machine: {certSANs: [a]}", "machine: {certSANs: [b, a]}", "machine: {certSANs: [a, b, a]}"],
    ["an empty list appends nothing", "machine: {certSANs: [a]}", "machine: {certSANs: []}", "machine: {certSANs: [a]}"],
    [
      "subnets are replaced",
      "cluster: {network: {podSubnets: [10.244.0.0/16], serviceSubnets: [10.96.0.0/12]}}",
      "cluster: {network: {podSubnets: [10.1.0.0/16]}}",
      "cluster: {network: {podSubnets: [10.1.0.0/16], serviceSubnets: [10.96.0.0/12]}}",
    ],
    [
      "the audit policy is replaced",
      "cluster: {apiServer: {auditPolicy: {rules: [{level: Metadata}], x: 1}}}",
      "cluster: {apiServer: {auditPolicy: {rules: [{level: None}]}}}",
      "cluster: {apiServer: {auditPolicy: {rules: [{level: None}]}}}",
    ],
    [
      "interfaces merge by name, and their VLANs by id",
      "machine: {network: {interfaces: [{interface: eth0, addresses: [10.0.0.1/24], vlans: [{vlanId: 5, mtu: 1500}]}, {interface: eth1}]}}",
      "machine: {network: {interfaces: [{interface: eth0, dhcp: true, addresses: [10.0.1.1/24], vlans: [{vlanId: 5, mtu: 9000}, {vlanId: 6}]}]}}",
      "machine: {network: {interfaces: [{interface: eth0, addresses: [10.0.0.1/24, 10.0.1.1/24], vlans: [{vlanId: 5, mtu: 9000}, {vlanId: 6}], dhcp: true}, {interface: eth1}]}}",
    ],
    [
      "interfaces merge by an equal selector, others are added",
      "machine: {network: {interfaces: [{deviceSelector: {hardwareAddr: a}, dhcp: true}]}}",
      "machine: {network: {interfaces: [{deviceSelector: {hardwareAddr: a}, mtu: 9000}, {deviceSelector: {hardwareAddr: b}}]}}",
      "machine: {network: {interfaces: [{deviceSelector: {hardwareAddr: a}, dhcp: true, mtu: 9000}, {deviceSelector: {hardwareAddr: b}}]}}",
    ],
    [
      "admission plugins merge by name",
      "cluster: {apiServer: {admissionControl: [{name: PodSecurity, configuration: {a: 1}}]}}",
      "cluster: {apiServer: {admissionControl: [{name: PodSecurity, configuration: {b: 2}}, {name: X}]}}",
      "cluster: {apiServer: {admissionControl: [{name: PodSecurity, configuration: {a: 1, b: 2}}, {name: X}]}}",
    ],
    [
      "files of an extension service merge by where they go",
      "{apiVersion: v1alpha1, kind: ExtensionServiceConfig, name: frr, configFiles: [{mountPath: /a, content: x}]}",
      "{apiVersion: v1alpha1, kind: ExtensionServiceConfig, name: frr, configFiles: [{mountPath: /a, content: y}, {mountPath: /b, content: z}]}",
      "{apiVersion: v1alpha1, kind: ExtensionServiceConfig, name: frr, configFiles: [{mountPath: /a, content: y}, {mountPath: /b, content: z}]}",
    ],
    [
      "documents are matched by kind and name, others are added",
      "{apiVersion: v1alpha1, kind: RegistryMirrorConfig, name: docker.io, skipFallback: false}\n---\nmachine: {a: 1}",
      "{apiVersion: v1alpha1, kind: RegistryMirrorConfig, name: docker.io, skipFallback: true}\n---\n{apiVersion: v1alpha1, kind: RegistryMirrorConfig, name: ghcr.io}",
      "{apiVersion: v1alpha1, kind: RegistryMirrorConfig, name: docker.io, skipFallback: true}\n---\nmachine: {a: 1}\n---\n{apiVersion: v1alpha1, kind: RegistryMirrorConfig, name: ghcr.io}",
    ],
    ["a map is deleted", "machine: {a: {x: 1}, b: 2}", "machine: {a: {$patch: delete}}", "machine: {b: 2}"],
    ["what is not there needs no deleting", "machine: {b: 2}", "machine: {a: {c: {$patch: delete}}}", "machine: {b: 2}"],
    [
      "a list's item is deleted by its first other key, once",
      "machine: {network: {interfaces: [{interface: eth0, mtu: 1}, {interface: eth1}, {interface: eth0, mtu: 2}]}}",
      "machine: {network: {interfaces: [{interface: eth0, $patch: delete}]}}",
      "machine: {network: {interfaces: [{interface: eth1}, {interface: eth0, mtu: 2}]}}",
    ],
    [
      "what is deleted can be set anew by the same patch",
      "machine: {network: {interfaces: [{interface: eth0, mtu: 1}]}}",
      "machine: {network: {interfaces: [{interface: eth0, $patch: delete}, {interface: eth0, dhcp: true}]}}",
      "machine: {network: {interfaces: [{interface: eth0, dhcp: true}]}}",
    ],
    [
      "a document is deleted",
      "machine: {}\n---\n{apiVersion: v1alpha1, kind: HostnameConfig, auto: stable}",
      "{apiVersion: v1alpha1, kind: HostnameConfig, $patch: delete}",
      "machine: {}",
    ],
  ])("%s", (_, base, patch, expected) => {
    expect(patched(base, patch)).toBe(printDocuments(parseDocuments(expected)));
  });

  it.each<[string, string, RegExp]>([
    ["machine: {a: [1]}", "machine: {a: {x: 1}}", /v1alpha1 machine\.a: a map cannot be merged into a list/],
    ["machine: {a: 1}", "machine: {a: [1]}", /a list cannot be merged into a value/],
    ["machine: {a: 1}", "$patch: delete", /cannot be deleted/],
    ["machine: {a: 1}", "machine: {a: [{$patch: delete}]}", /needs a key/],
    ["machine: {a: 1}", "kind: X\napiVersion: v1alpha1\n$patch: replace", /can only be delete/],
    ["machine: {a: 1}", "machine: {a: {b: 2}}\n---\nmachine: {}", /two documents v1alpha1/],
  ])("refuses for %j the patch %j", (base, patch, message) => {
    expect(() => patched(base, patch)).toThrow(message);
  });

  it("changes nothing that it was given", () => {
    const base = parseDocuments("machine: {a: [1], b: {c: 2}}");
    const patch = parseDocuments("machine: {a: [2], b: {$patch: delete}}");
    const before = structuredClone([base, patch]);
    patchDocuments(base, patch);
    expect([base, patch]).toEqual(before);
  });
});

describe("documents", () => {
  it.each([
    ["permissions: 0644", 420],
    ["permissions: 0o644", 420],
    ["permissions: 644", 644],
  ])("reads the number in %s as Go does", (text, number) => {
    const [document] = parseDocuments(text);
    expect(document?.permissions).toBe(number);
    expect(parseDocuments(printDocuments([{ permissions: "0644" }]))[0]?.permissions).toBe("0644");
  });

  it.each([
    ["a: 1\na: 2", /DUPLICATE_KEY/],
    ["[1, 2]", /not a map/],
    ["just text", /not a map/],
    ["a: [1", /line 1/],
    ["a: 1\n---\nb: 2", /two documents v1alpha1/],
    ["__proto__: {x: 1}", /__proto__/],
    [`${"a: {".repeat(80)}${"}".repeat(80)}`, /nested too deeply/],
    ["a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c]", /aliases/],
  ])("refuses %j", (text, message) => {
    expect(() => parseDocuments(text)).toThrow(message);
  });

  it("never shows a value of what cannot be read", () => {
    expect(() => parseDocuments("token: s3cr3t\ntoken: s3cr3t\n", "base")).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining("s3cr3t") }),
    );
  });

  it("reads any text or says why not", () => {
    const piece = fc.constantFrom(
      "a:",
      " ",
      "\n",
      "- ",
      "---\n",
      "{",
      "}",
      "[",
      "]",
      "&x",
      "*x",
      "!!int ",
      "0644",
      "|",
      ">",
      "'",
      '"',
      "#",
      "? ",
      "\t",
      "%TAG",
      "<<: ",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(piece, { maxLength: 20 }).map((all) => all.join("")),
        ),
        (text) => {
          try {
            expect(parseDocuments(printDocuments(parseDocuments(text)))).toEqual(parseDocuments(text));
          } catch (error) {
            expect(error).toBeInstanceOf(LightsoutError);
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  const leaf = fc.oneof(fc.string(), fc.integer(), fc.boolean());
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie("tree"), { maxLength: 3 }), tie("map")),
    map: fc.dictionary(fc.constantFrom("machine", "network", "interfaces", "interface", "vlans", "a", "$patch", "name"), tie("tree"), {
      maxKeys: 4,
    }),
  }));
  const root = fc.dictionary(fc.constantFrom("machine", "cluster", "version"), tree);

  it("come back from being written as they were", () => {
    fc.assert(
      fc.property(root, (document) => {
        expect(parseDocuments(printDocuments([document]))).toEqual([document]);
      }),
    );
  });

  it("can be patched with anything, or it is said why not", () => {
    fc.assert(
      fc.property(root, root, (base, patch) => {
        try {
          expect(patchDocuments([base], [patch])).toHaveLength(1);
          expect(patchDocuments([base], [{}])).toEqual([base]);
        } catch (error) {
          expect(error).toMatchObject({ code: "LO_CONFIG_PATCH" });
        }
      }),
    );
  });
});
