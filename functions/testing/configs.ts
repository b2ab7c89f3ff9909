import type { ConfigProblem, Declared, KubernetesComponent, MachineConfigs } from "#adapters/machineconfig/port.ts";
import { LightsoutError } from "#events";

/** What is declared in the fake world. Everything may be changed at any time. */
export interface FakeConfigs extends MachineConfigs {
  /** Declares something else of a machine; what is not named stays. `undefined` declares nothing of it any more. */
  declare(machine: string, change: { readonly [Part in keyof Declaration]?: Declaration[Part] | undefined } | undefined): void;
  /** What is wrong with a machine's configuration. */
  readonly wrong: Map<string, readonly ConfigProblem[]>;
  /** What differs, instead of what does. */
  readonly differs: Map<string, readonly string[]>;
  /** The configuration as `render` answers it. */
  text(machine: string, version?: string): string;
}

const fakeVersion = "v1.13.9";
export const fakeKubernetes = "v1.36.3";
/** 64 hexadecimal digits, as the Image Factory's. */
const fakeSchematic = "4c4c4544".repeat(8);

type Declaration = Omit<Declared, "installer" | "installerOf">;

const controlPlaneParts = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;

/** The parts of Kubernetes that a machine's configuration names. */
export const componentsOf = (role: "worker" | "control-plane"): readonly KubernetesComponent[] =>
  role === "control-plane" ? [...controlPlaneParts, "kube-proxy", "kubelet"] : ["kube-proxy", "kubelet"];

/** The value of a line of a fake configuration. */
export const lineOf = (text: string | undefined, key: string): string | undefined =>
  text
    ?.split("\n")
    .find((line) => line.startsWith(`${key}: `))
    ?.slice(key.length + 2);

/** A configuration here is a few lines `key: value`: machine, disk, installer and the parts of Kubernetes. */
export function createFakeConfigs(machines: readonly { readonly name: string; readonly role: "worker" | "control-plane" }[]): FakeConfigs {
  const declarations = new Map<string, Declaration>(
    machines.map(({ name }) => [
      name,
      {
        version: fakeVersion,
        schematic: fakeSchematic,
        kubernetes: fakeKubernetes,
        disk: { serial: `S-${name}` },
        labels: {},
        taints: {},
        profile: "default",
      },
    ]),
  );
  const of = (machine: string): Declaration => {
    const found = declarations.get(machine);
    if (found) return found;
    throw new LightsoutError("LO_NOT_DECLARED", `Nothing is declared of the Talos of ${machine}`, {
      hint: "Declare its version and schematic",
    });
  };
  const text = (machine: string, version?: string) => {
    const { schematic, disk, kubernetes = fakeKubernetes, ...declared } = of(machine);
    const role = machines.find(({ name }) => name === machine)?.role ?? "worker";
    return [
      `machine: ${machine}`,
      ...(disk ? [`disk: ${"serial" in disk ? disk.serial : disk.wwid}`] : []),
      `installer: ${installerOf(schematic, version ?? declared.version)}`,
      ...componentsOf(role).map((component) => `${component}: ${kubernetes}`),
      "",
    ].join("\n");
  };

  const configs: FakeConfigs = {
    wrong: new Map(),
    differs: new Map(),
    text,
    declare(machine, change) {
      if (change) declarations.set(machine, { ...of(machine), ...change } as Declaration);
      else declarations.delete(machine);
    },
    declared(machine) {
      const declared = of(machine);
      return {
        ...declared,
        installer: installerOf(declared.schematic, declared.version),
        installerOf: (version) => installerOf(declared.schematic, version),
      };
    },
    has: (machine) => declarations.has(machine),
    async render(machine, options) {
      const { labels, taints } = of(machine);
      return { text: text(machine, options?.version), viaKubernetes: { labels, taints } };
    },
    async problems(machine) {
      of(machine);
      return configs.wrong.get(machine) ?? [];
    },
    async diff(machine, running) {
      return configs.differs.get(machine) ?? differences(running, text(machine));
    },
    kubernetesImage(running, component, version) {
      const registry = component === "kubelet" ? "ghcr.io/siderolabs" : "registry.k8s.io";
      return lineOf(running, component) === undefined ? undefined : `${registry}/${component}:${version}`;
    },
    withKubernetes(running, component, version) {
      const now = lineOf(running, component);
      return now === undefined || now === version ? undefined : running.replace(`${component}: ${now}`, `${component}: ${version}`);
    },
  };
  return configs;
}

/** Lines that are gone and lines that have come. */
export function differences(before: string, after: string): string[] {
  const [old, young] = [before.split("\n"), after.split("\n")];
  return [
    ...old.filter((line) => !young.includes(line)).map((line) => `- ${line}`),
    ...young.filter((line) => !old.includes(line)).map((line) => `+ ${line}`),
  ];
}

const installerOf = (schematic: string, version: string) => `factory.talos.dev/metal-installer/${schematic}:${version}`;
