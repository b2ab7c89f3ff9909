import { kubernetesOf } from "./upgrade-path.ts";

export interface KubernetesUpgrade {
  /** The oldest of what the control planes run, and what is to run, with `v`. */
  readonly from: string;
  readonly to: string;
  readonly machines: readonly {
    readonly name: string;
    /** Its Talos, and its kubelet, as last seen. */
    readonly talos: string | null;
    readonly kubelet: string | null;
  }[];
}

/** How many minor versions a kubelet may be behind the API server: https://kubernetes.io/releases/version-skew-policy/ */
const kubeletBehind = 3;

/** Why Kubernetes must not be brought from one version to another in one go; `undefined` when it may. As `talosctl upgrade-k8s` judges it. */
export function kubernetesObstacle({ from, machines, to }: KubernetesUpgrade): string | undefined {
  const [now, next] = [read(from), read(to)];
  if (!now) return `the control planes run ${from}, which is no version of Kubernetes 1`;
  if (!next) return `${to} is no version of Kubernetes 1`;
  if (next.minor < now.minor || (next.minor === now.minor && next.patch < now.patch)) return `${to} is older than ${from}`;
  if (next.minor > now.minor + 1)
    return `from ${from} to ${to} minor versions would be passed over: go to the latest 1.${now.minor + 1} first`;
  for (const { kubelet, name, talos } of machines) {
    const range = talos === null ? undefined : kubernetesOf(talos);
    if (!range) return `${name} runs ${talos ?? "a Talos that does not tell its version"}, of which it is not known here what it supports`;
    if (next.minor < range[0] || next.minor > range[1])
      return `${name} runs Talos ${talos}, which supports Kubernetes 1.${range[0]} to 1.${range[1]}`;
    const old = kubelet === null ? undefined : read(kubelet);
    if (old && old.minor > next.minor) return `the kubelet of ${name} runs ${kubelet}, newer than ${to}`;
    if (old && old.minor < next.minor - kubeletBehind)
      return `the kubelet of ${name} runs ${kubelet}, more than ${kubeletBehind} minor versions behind ${to}: bring it on first`;
  }
  return undefined;
}

/** Whether one version is of an older minor release than another. What cannot be read is older than everything. */
export const isOlderMinor = (one: string, other: string): boolean => (read(one)?.minor ?? -1) < (read(other)?.minor ?? 0);

/** The oldest of some versions. */
export const oldestOf = (versions: readonly string[]): string | undefined => versions.toSorted((a, b) => compare(read(a), read(b)))[0];

interface Version {
  readonly minor: number;
  readonly patch: number;
}

const compare = (a: Version | undefined, b: Version | undefined) =>
  (a?.minor ?? -1) - (b?.minor ?? -1) || (a?.patch ?? -1) - (b?.patch ?? -1);

function read(version: string): Version | undefined {
  const [, minor, patch] = /^v?1\.(\d+)\.(\d+)(?:[-+].*)?$/.exec(version) ?? [];
  return minor === undefined ? undefined : { minor: Number(minor), patch: Number(patch) };
}
