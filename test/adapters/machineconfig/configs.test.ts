import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { createMachineConfigs, type Declaration, parseDocuments } from "#adapters/machineconfig/mod.ts";
import { LightsoutError } from "#events";
import { generated } from "#test/lab/generated-config.ts";

const folder = mkdtempSync(join(tmpdir(), "lightsout-configs-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string) => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const schematic = "b8e8fbbe1b520989e6c52c8dc8303070cb42095997e76e812fa8892393e1d176";
const gpu: Declaration = {
  role: "worker",
  hostname: "talos-gpu-01",
  version: "v1.13.9",
  kubernetes: "v1.36.4",
  schematic,
  disk: { wwid: "eui.0025385b21404321" },
  base: file("worker.yaml", generated("worker")),
  patches: [file("pool.yaml", "machine: {sysctls: {a: '1'}}"), file("own.yaml", "machine: {sysctls: {a: '2', b: '3'}}")],
  labels: { "example.com/rack": "r1", "node-role.kubernetes.io/gpu": "" },
  taints: { "nvidia.com/gpu": ":NoSchedule" },
  modules: [],
  profile: "gpu",
};
const configs = (declaration: Partial<Declaration> = {}) =>
  createMachineConfigs((machine) => (machine === "gpu-01" ? { ...gpu, ...declaration } : undefined));
const without = (...keys: (keyof Declaration)[]) =>
  createMachineConfigs(() => Object.fromEntries(Object.entries(gpu).filter(([key]) => !keys.includes(key as keyof Declaration))) as never);
const mainOf = (text: string) => parseDocuments(text)[0] as { machine: Record<string, unknown> };

describe("what is declared", () => {
  it("names version, installer, disk and node settings", () => {
    const { installerOf, ...declared } = configs().declared("gpu-01");
    expect(declared).toEqual({
      version: "v1.13.9",
      kubernetes: "v1.36.4",
      schematic,
      installer: `factory.talos.dev/metal-installer/${schematic}:v1.13.9`,
      disk: { wwid: "eui.0025385b21404321" },
      labels: gpu.labels,
      taints: gpu.taints,
      profile: "gpu",
    });
    expect(installerOf("v1.14.0")).toBe(`factory.talos.dev/metal-installer/${schematic}:v1.14.0`);
  });

  it("takes the installer from the site's registry, and a signed one where the machine boots securely", () => {
    const { installer } = configs({ registry: "harbor.lan/talos", secureBoot: true }).declared("gpu-01");
    expect(installer).toBe(`harbor.lan/talos/metal-installer-secureboot/${schematic}:v1.13.9`);
  });

  it.each<[string, ReturnType<typeof configs>, string, string]>([
    ["of no machine of that name", configs(), "nobody", "What nobody is to run is not declared"],
    ["without a version", without("version"), "gpu-01", "The version of Talos of gpu-01 is not declared"],
    ["without a schematic", without("schematic"), "gpu-01", "The schematic of gpu-01 is not declared"],
  ])("is nothing %s: that is said, and nothing is assumed", async (_, broken, machine, message) => {
    expect(broken.has(machine)).toBe(false);
    expect(() => broken.declared(machine)).toThrow(message);
    await expect(broken.render(machine)).rejects.toMatchObject({ code: "LO_NOT_DECLARED", hint: expect.stringContaining("talos") });
    expect(await broken.problems(machine)).toMatchObject([{ code: "not-declared", level: "error", message }]);
  });
});

describe("a rendered configuration", () => {
  it("is base, patches in their order, then what is declared", async () => {
    const { text, viaKubernetes } = await configs().render("gpu-01");
    expect(mainOf(text).machine).toMatchObject({
      sysctls: { a: "2", b: "3" },
      install: { image: `factory.talos.dev/metal-installer/${schematic}:v1.13.9`, diskSelector: { wwid: "eui.0025385b21404321" } },
      nodeLabels: { "example.com/rack": "r1" },
      kubelet: { image: "ghcr.io/siderolabs/kubelet:v1.36.4" },
    });
    expect(parseDocuments(text)[1]).toMatchObject({ kind: "HostnameConfig", hostname: "talos-gpu-01", auto: "off" });
    expect(viaKubernetes).toEqual({ labels: { "node-role.kubernetes.io/gpu": "" }, taints: { "nvidia.com/gpu": ":NoSchedule" } });
  });

  it("can be of another version, for an upgrade", async () => {
    const { text } = await configs().render("gpu-01", { version: "v1.14.0" });
    expect(mainOf(text).machine.install).toMatchObject({ image: `factory.talos.dev/metal-installer/${schematic}:v1.14.0` });
  });

  it("leaves the images of Kubernetes as the base has them where no version is declared", async () => {
    const { text } = await without("kubernetes").render("gpu-01");
    expect(mainOf(text).machine.kubelet).toMatchObject({ image: "ghcr.io/siderolabs/kubelet:v1.36.3" });
  });

  it("has every part of Kubernetes in the declared version on a control plane", async () => {
    const base = file("controlplane.yaml", generated("control-plane"));
    const { text } = await configs({ role: "control-plane", base }).render("gpu-01");
    expect([...text.matchAll(/image: (\S*kube\S*)/g)].map(([, image]) => image).toSorted()).toEqual([
      "ghcr.io/siderolabs/kubelet:v1.36.4",
      "registry.k8s.io/kube-apiserver:v1.36.4",
      "registry.k8s.io/kube-controller-manager:v1.36.4",
      "registry.k8s.io/kube-proxy:v1.36.4",
      "registry.k8s.io/kube-scheduler:v1.36.4",
    ]);
  });

  it("is made of the files as they are now", async () => {
    const own = file("changing.yaml", "machine: {sysctls: {c: '1'}}");
    const changing = configs({ patches: [own] });
    expect(mainOf((await changing.render("gpu-01")).text).machine.sysctls).toEqual({ c: "1" });
    file("changing.yaml", "machine: {sysctls: {c: '2'}}");
    expect(mainOf((await changing.render("gpu-01")).text).machine.sysctls).toEqual({ c: "2" });
  });
});

describe("what is wrong with it", () => {
  it("is nothing with a whole one", async () => {
    expect(await configs().problems("gpu-01")).toEqual([]);
  });

  it.each<[string, Partial<Declaration>, { code: string; message: RegExp }]>([
    ["the other role's base", { role: "control-plane" }, { code: "role", message: /of a worker/ }],
    [
      "modules without a driver in the schematic",
      { modules: ["nvidia"], extensions: ["siderolabs/gvisor"] },
      { code: "nvidia-driver", message: /no driver/ },
    ],
    ["a name that DHCP sends too", { dhcpHostname: true }, { code: "hostname-dhcp", message: /DHCP/ }],
    [
      "a base without secrets",
      { base: file("bare.yaml", "machine: {type: worker}\ncluster: {}") },
      { code: "secret-missing", message: /missing/ },
    ],
    ["a base that is not there", { base: join(folder, "gone.yaml") }, { code: "unreadable", message: /gone\.yaml.*gpu-01.*ENOENT/ }],
    ["a patch that is not there", { patches: [join(folder, "lost.yaml")] }, { code: "unreadable", message: /lost\.yaml.*ENOENT/ }],
    ["a patch that is no YAML", { patches: [file("broken.yaml", "a: [")] }, { code: "unreadable", message: /broken\.yaml.*line/ }],
    [
      "a patch that does not fit",
      { patches: [file("odd.yaml", "machine: {install: [1]}")] },
      { code: "unreadable", message: /odd\.yaml.*cannot be merged/ },
    ],
    [
      "a JSON patch",
      { patches: [file("json.yaml", "- op: remove\n  path: /a")] },
      { code: "unreadable", message: /json\.yaml is a JSON patch/ },
    ],
  ])("%s", async (_, declaration, { code, message }) => {
    const problems = await configs(declaration).problems("gpu-01");
    expect(problems.find((one) => one.code === code)).toMatchObject({ level: "error", message: expect.stringMatching(message) });
  });

  it("no base at all", async () => {
    expect(await without("base").problems("gpu-01")).toMatchObject([{ level: "error", fix: expect.stringContaining("talos.base.worker") }]);
  });

  it("never shows a secret, whatever breaks", async () => {
    const secret = "bcdefg.0123456789abcdef";
    const broken = [
      `machine: {token: ${secret}`,
      `cluster: {token: ${secret}}\n${generated("worker")}`,
      generated("worker").replace("worker", secret),
      generated("worker").replace("token: bcdefg.", "token: ' bcdefg."),
    ];
    for (const [index, text] of broken.entries()) {
      const base = file(`secret-${index}.yaml`, text);
      const problems = await configs({ base }).problems("gpu-01");
      expect(problems.length).toBeGreaterThan(0);
      expect(JSON.stringify(problems)).not.toContain("0123456789abcdef");
      const thrown = await configs({ base })
        .render("gpu-01")
        .catch((error: unknown) => error);
      if (thrown instanceof LightsoutError) expect(`${thrown.message} ${thrown.hint} ${thrown.stack}`).not.toContain("0123456789abcdef");
    }
  });
});

describe("the difference to what runs", () => {
  it("is told line by line, and shows no secret", async () => {
    const { text } = await configs().render("gpu-01");
    const running = text
      .replace("talos-gpu-01", "other")
      .replace("wipe: false", "legacyBIOSSupport: true")
      .replace("token: abcdef.", "token: zbcdef.");
    expect(await configs().diff("gpu-01", running)).toEqual([
      "machine.token: declared (hidden), running (hidden)",
      "machine.install.wipe: declared false, and not there",
      "machine.install.legacyBIOSSupport: not declared, running true",
      'HostnameConfig hostname: declared "talos-gpu-01", running "other"',
    ]);
    expect(await configs().diff("gpu-01", text)).toEqual([]);
  });

  it("names whole documents", async () => {
    const { text } = await configs().render("gpu-01");
    const [main, hostname] = text.split("---\n");
    expect(await configs().diff("gpu-01", `${main}---\n{apiVersion: v1alpha1, kind: OOMConfig}`)).toEqual([
      'HostnameConfig: declared {"apiVersion":"v1alpha1","kind":"HostnameConfig","auto":"off","hostname":"talos-gpu-01"}, and not there',
      'OOMConfig: not declared, running {"apiVersion":"v1alpha1","kind":"OOMConfig"}',
    ]);
    expect(hostname).toContain("HostnameConfig");
  });
});
