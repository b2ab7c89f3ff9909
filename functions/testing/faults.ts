import type { Activity, BmcIdentity, LogEntry, PowerStatus } from "#adapters/power/port.ts";
import type { ActVerb } from "#events";

/** How a fake BMC behaves. Everything may be changed at any time. */
export interface BmcFaults {
  /** Milliseconds from an accepted request to its effect. Default 2 s. */
  latencyMs: number;
  /** Answers neither reads nor writes; nothing reaches it. */
  silent: boolean;
  /** Falls silent for so long after each request it took. Default 0. */
  silentAfterMs: number;
  /** Requests are carried out, their answers lost. */
  losesAnswers: boolean;
  /** So many requests are accepted, and nothing happens. */
  ignores: number;
  /** So many requests never reach it. */
  unreachable: number;
  /** Reads what was asked for at once, and not what is. */
  reportsEarly: boolean;
  /** Reads `PoweringOff` and `PoweringOn` until the effect. */
  transitional: boolean;
  /** What it reads instead of the truth. */
  reads: PowerStatus | undefined;
  /** Who it says it is; default what the inventory says. */
  identity: Partial<BmcIdentity>;
  activity: Activity;
  /** So many boot overrides are accepted and not kept. */
  forgetsOverrides: number;
  log: LogEntry[];
  /** Refuses a request with the error answered, before anything is done. */
  refuses: (verb: ActVerb) => Error | undefined;
}

/** How the fake host behind a BMC behaves. Everything may be changed at any time. */
export interface HostFaults {
  /** From power on to a kubelet that reports; half of it is the firmware's, which kexec passes by. Default 30 s. */
  bootMs: number;
  /** From the kubelet's first report to Ready. Default 5 s. */
  readyMs: number;
  /** What a shutdown takes that the operating system was asked for. Default 10 s. */
  shutdownMs: number;
  /** Powered on, it never comes up. */
  neverBoots: boolean;
  /** GPUs that do not come back. Default 0. */
  gpusMissing: number;
  /** The Node reports itself not ready, for this reason. */
  sick: string | undefined;
  /** It reports, but renews its lease no more. */
  leaseStuck: boolean;
  /** The kubelet answers whoever asks it, whatever the Node shows. */
  kubeletAnswers: boolean;
  /** Volumes stay attached whatever is tainted. */
  volumesStuck: boolean;
}

/** One pod on a fake machine. */
export interface FakePod {
  readonly name: string;
  readonly namespace?: string;
  readonly owner?: string;
  readonly daemonSet?: boolean;
  readonly mirror?: boolean;
  readonly irreplaceable?: "unmanaged" | "local-volume" | "pet";
  readonly toleratesOutOfService?: boolean;
  /** A PodDisruptionBudget that allows no disruption of it. */
  readonly blockedBy?: string;
}

export const honestBmc = (): BmcFaults => ({
  latencyMs: 2000,
  silent: false,
  silentAfterMs: 0,
  losesAnswers: false,
  ignores: 0,
  unreachable: 0,
  reportsEarly: false,
  transitional: false,
  reads: undefined,
  identity: {},
  activity: { firmwareUpdate: false, raw: "idle" },
  forgetsOverrides: 0,
  log: [],
  refuses: () => undefined,
});

export const honestHost = (): HostFaults => ({
  bootMs: 30_000,
  readyMs: 5000,
  shutdownMs: 10_000,
  neverBoots: false,
  gpusMissing: 0,
  sick: undefined,
  leaseStuck: false,
  kubeletAnswers: false,
  volumesStuck: false,
});
