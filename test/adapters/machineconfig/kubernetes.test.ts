import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createMachineConfigs, diffConfig, parseDocuments, patchDocuments, printDocuments } from "#adapters/machineconfig/mod.ts";
import type { KubernetesComponent } from "#adapters/machineconfig/port.ts";
import { generated } from "#test/lab/generated-config.ts";

const { kubernetesImage, withKubernetes } = createMachineConfigs(() => undefined);
const components: KubernetesComponent[] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"];
const controls = generated("control-plane");
const patched = (patch: string, base = controls) => printDocuments(patchDocuments(parseDocuments(base), parseDocuments(patch)));
const changes = (running: string, component: KubernetesComponent, version: string) => {
  const after = withKubernetes(running, component, version);
  return after === undefined
    ? undefined
    : diffConfig(after, running).map(({ document, path, declared }) => `${document} ${path} ${declared}`);
};

describe("another version of Kubernetes in a running configuration", () => {
  it.each<[KubernetesComponent, string]>([
    ["kube-apiserver", 'v1alpha1 cluster.apiServer {"image":"registry.k8s.io/kube-apiserver:v1.37.0"}'],
    ["kube-controller-manager", 'v1alpha1 cluster.controllerManager {"image":"registry.k8s.io/kube-controller-manager:v1.37.0"}'],
    ["kube-scheduler", 'v1alpha1 cluster.scheduler {"image":"registry.k8s.io/kube-scheduler:v1.37.0"}'],
    ["kube-proxy", 'v1alpha1 cluster.proxy {"image":"registry.k8s.io/kube-proxy:v1.37.0"}'],
    ["kubelet", 'v1alpha1 machine.kubelet.image "ghcr.io/siderolabs/kubelet:v1.37.0"'],
  ])("changes the image of %s and nothing else", (component, change) => {
    expect(changes(controls, component, "v1.37.0")).toEqual([change]);
  });

  it.each<[KubernetesComponent, string, string]>([
    ["kube-apiserver", "KubeAPIServerConfig", "registry.k8s.io/kube-apiserver"],
    ["kube-controller-manager", "KubeControllerManagerConfig", "registry.k8s.io/kube-controller-manager"],
    ["kube-scheduler", "KubeSchedulerConfig", "registry.k8s.io/kube-scheduler"],
    ["kube-proxy", "KubeProxyConfig", "registry.k8s.io/kube-proxy"],
    ["kubelet", "KubeletConfig", "ghcr.io/siderolabs/kubelet"],
  ])("changes %s in its own document where 1.14 has one", (component, kind, repository) => {
    const running = patched(`apiVersion: v1alpha1\nkind: ${kind}\nimage: ${repository}:v1.36.3`);
    expect(changes(running, component, "v1.37.0")).toEqual([`${kind} image "${repository}:v1.37.0"`]);
  });

  it.each([
    ["ghcr.io/siderolabs/kubelet:v1.36.3-fat", "ghcr.io/siderolabs/kubelet:v1.37.0-fat"],
    ["ghcr.io/siderolabs/kubelet:v1.36.3-slim", "ghcr.io/siderolabs/kubelet:v1.37.0-slim"],
    ["ghcr.io/siderolabs/kubelet:v1.36.3-rc.1", "ghcr.io/siderolabs/kubelet:v1.37.0"],
    [`harbor.lan:5000/k8s/kubelet:v1.36.3@sha256:${"a".repeat(64)}`, "harbor.lan:5000/k8s/kubelet:v1.37.0"],
    ["harbor.lan:5000/k8s/kubelet", "harbor.lan:5000/k8s/kubelet:v1.37.0"],
  ])("keeps the registry and the kind of image: %s becomes %s", (before, after) => {
    const running = patched(`machine: {kubelet: {image: '${before}'}}`);
    expect(changes(running, "kubelet", "v1.37.0")).toEqual([`v1alpha1 machine.kubelet.image "${after}"`]);
  });

  it("a suffix is the kubelet's alone", () => {
    const running = patched("cluster: {scheduler: {image: 'registry.k8s.io/kube-scheduler:v1.36.3-fat'}}");
    expect(changes(running, "kube-scheduler", "v1.37.0")).toEqual([
      'v1alpha1 cluster.scheduler.image "registry.k8s.io/kube-scheduler:v1.37.0"',
    ]);
  });

  it("is told beforehand by its image, so that it can be pulled", () => {
    const running = patched("machine: {kubelet: {image: 'harbor.lan:5000/k8s/kubelet:v1.36.3-slim'}}");
    expect(kubernetesImage(running, "kubelet", "v1.37.0")).toBe("harbor.lan:5000/k8s/kubelet:v1.37.0-slim");
    expect(kubernetesImage(controls, "kube-apiserver", "v1.37.0")).toBe("registry.k8s.io/kube-apiserver:v1.37.0");
    expect(kubernetesImage(generated("worker"), "kube-apiserver", "v1.37.0")).toBeUndefined();
    expect(kubernetesImage(patched("cluster: {proxy: {disabled: true}}"), "kube-proxy", "v1.37.0")).toBeUndefined();
  });

  it("changes nothing twice", () => {
    for (const component of components) {
      const once = withKubernetes(controls, component, "v1.37.0") ?? "";
      expect(withKubernetes(once, component, "v1.37.0")).toBeUndefined();
    }
  });

  it("changes of a worker the kubelet alone", () => {
    expect(components.filter((component) => withKubernetes(generated("worker"), component, "v1.37.0") !== undefined)).toEqual(["kubelet"]);
  });

  it.each(["cluster: {proxy: {disabled: true}}", "apiVersion: v1alpha1\nkind: KubeProxyConfig\nenabled: false"])(
    "leaves a kube-proxy alone that is turned off: %s",
    (patch) => {
      expect(withKubernetes(patched(patch), "kube-proxy", "v1.37.0")).toBeUndefined();
    },
  );

  it("refuses what it cannot read, without quoting it", () => {
    expect(() => withKubernetes("machine: {token: abcdef.0123", "kubelet", "v1.37.0")).toThrow(/^the running configuration cannot be read/);
    expect(() => withKubernetes("machine: {token: abcdef.0123", "kubelet", "v1.37.0")).not.toThrow(/abcdef/);
  });

  it("keeps every other value, file modes and odd texts among them", () => {
    const odd = fc.constantFrom("0644", "yes", "1e3", "null", "0x1F", "2001-01-01", " a ", "a: b", "- x", "#", "");
    const values = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.oneof(odd, fc.string(), fc.integer(), fc.boolean()), {
      noNullPrototype: true,
    });
    fc.assert(
      fc.property(values, fc.constantFrom(...components), (extra, component) => {
        const running = printDocuments([{ machine: { type: "controlplane", extra }, cluster: { extra } }]);
        const [after] = parseDocuments(withKubernetes(running, component, "v1.37.0") ?? "");
        expect(after).toMatchObject({ machine: { extra }, cluster: { extra } });
      }),
    );
  });
});
