import type { ConfigProblem } from "./rules/rule.ts";

export type { ConfigProblem };

/** What each machine is meant to run, as the configuration declares it. Machines without Talos have nothing declared. */
export interface MachineConfigs {
  /** What is declared of a machine. Throws `LO_NOT_DECLARED`, naming what is missing, for one without a Talos declaration. */
  declared(machine: string): Declared;
  /** Whether anything is declared, for what is done to all machines. */
  has(machine: string): boolean;
  /**
   * The whole machine configuration: a secret, never to be journaled, logged or shown. Files are read afresh. Throws `LO_MACHINE_CONFIG`
   * and `LO_CONFIG_PATCH` for what cannot be composed.
   */
  render(machine: string, options?: { readonly version?: string }): Promise<Rendered>;
  /** What is wrong with it, errors first; a machine with an error is not armed. Holds no secret. */
  problems(machine: string): Promise<readonly ConfigProblem[]>;
  /** Where `running` differs from what is declared. Holds no secret. */
  diff(machine: string, running: string): Promise<readonly string[]>;
  /**
   * A running configuration with the images of Kubernetes' parts of another version, and nothing else changed. `component` as
   * `talosctl upgrade-k8s` goes through them. Answers `undefined` when it says so already.
   */
  withKubernetes(running: string, component: KubernetesComponent, version: string): string | undefined;
  /** The image that a running configuration would name for a part in this version; `undefined` for a part that the machine does not run. */
  kubernetesImage(running: string, component: KubernetesComponent, version: string): string | undefined;
}

export type KubernetesComponent = "kube-apiserver" | "kube-controller-manager" | "kube-scheduler" | "kube-proxy" | "kubelet";

export interface Rendered {
  readonly text: string;
  /** What the kubelet may not say of its own Node (NodeRestriction), so that it is set through the Kubernetes API. */
  readonly viaKubernetes: NodeSettings;
}

export interface NodeSettings {
  readonly labels: Readonly<Record<string, string>>;
  /** Key to `value:Effect`. */
  readonly taints: Readonly<Record<string, string>>;
}

export interface Declared {
  /** Talos, with `v`: `v1.13.9`. */
  readonly version: string;
  /** Image Factory schematic: 64 hexadecimal digits. */
  readonly schematic: string;
  /** Official extensions of the schematic, where it is written out. */
  readonly extensions?: readonly string[];
  /** The installer of this schematic and version. */
  readonly installer: string;
  /** Kubernetes, with `v`. */
  readonly kubernetes?: string;
  /** The disk it is installed on, by what it carries itself. */
  readonly disk?: { readonly serial: string } | { readonly wwid: string };
  readonly labels: Readonly<Record<string, string>>;
  /** Key to `value:Effect`. */
  readonly taints: Readonly<Record<string, string>>;
  /** Machines with the same profile are upgraded after one of them has proven it. */
  readonly profile: string;
  /** The installer of its schematic at another version. */
  installerOf(version: string): string;
}
