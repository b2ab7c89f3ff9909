/** What a minor release of Talos 1 can be installed over, and which Kubernetes it runs. Both ends belong to a range. */
interface Release {
  readonly over: readonly [number, number];
  readonly kubernetes: readonly [number, number];
}

/** Talos: pkg/machinery/compatibility/talosNNN of v1.14.0; the installer refuses what is outside. */
const releases: Readonly<Record<number, Release>> = {
  9: { over: [8, 10], kubernetes: [27, 32] },
  10: { over: [8, 11], kubernetes: [28, 33] },
  11: { over: [9, 12], kubernetes: [29, 34] },
  12: { over: [10, 13], kubernetes: [30, 35] },
  13: { over: [11, 14], kubernetes: [31, 36] },
  14: { over: [12, 15], kubernetes: [32, 37] },
};

export interface Upgrade {
  /** What runs, and what is to run, with `v`. */
  readonly from: string;
  readonly to: string;
  /** The Kubernetes that the machine runs, where it is known. */
  readonly kubernetes?: string | undefined;
  readonly gpus: number;
  /** Official extensions of the image that is to be installed, where they are known. */
  readonly extensions?: readonly string[] | undefined;
}

/** Why a machine must not be brought from one version of Talos to another in one step; `undefined` when it may. */
export function upgradeObstacle({ from, to, kubernetes, gpus, extensions }: Upgrade): string | undefined {
  const [now, next] = [minorOf(from), minorOf(to)];
  if (now === undefined) return `it runs ${from}, which is no version of Talos 1`;
  if (next === undefined) return `${to} is no version of Talos 1`;
  const release = releases[next];
  if (!release) return `Talos 1.${next} is not known here: its rules cannot be checked`;
  if (next < now) return `${to} is older than ${from}: what a newer one has written, it may not read. Use lightsout rebuild`;
  if (next > now + 1) return `from ${from} to ${to} minor versions would be passed over: go to the latest 1.${now + 1} first`;
  if (now < release.over[0] || now > release.over[1]) return `${to} cannot be installed over ${from}`;
  const cluster = kubernetes === undefined ? undefined : minorOf(kubernetes);
  if (cluster !== undefined && (cluster < release.kubernetes[0] || cluster > release.kubernetes[1])) {
    return `Talos 1.${next} runs Kubernetes 1.${release.kubernetes[0]} to 1.${release.kubernetes[1]}, and the cluster runs ${kubernetes}`;
  }
  if (gpus > 0 && extensions !== undefined && !extensions.some((name) => name.includes("nvidia"))) {
    return `it has ${gpus} GPUs, and the image of its schematic holds no NVIDIA extension: they would be gone`;
  }
  return undefined;
}

/** Whether a machine with this version restarts by itself once an upgrade is installed: Talos does so below 1.13. */
export const restartsByItself = (version: string): boolean => (minorOf(version) ?? 0) < 13;

/** The minor versions of Kubernetes 1 that a Talos runs, both ends included; `undefined` for one that is not known here. */
export const kubernetesOf = (talos: string): readonly [number, number] | undefined => releases[minorOf(talos) ?? -1]?.kubernetes;

/** 13 of `v1.13.9`. */
function minorOf(version: string): number | undefined {
  const match = /^v?1\.(\d+)(?:\.|$)/.exec(version);
  return match ? Number(match[1]) : undefined;
}
