/** What is wrong with a simulated Talos. Read at every use, so a test may change them at any time. */
export interface TalosFaults {
  /** Another sequence holds the lock: every sequence is acknowledged, and refused in the events alone. */
  locked: boolean;
  /** Every sequence is acknowledged, begins, and fails with these words. */
  sequenceFails: string | undefined;
  /** A drain that never ends: acknowledged, begun, and the machine stays up. */
  drainHangs: boolean;
  /**
   * What is wrong with a version: `crashes` (user space fails: falls back to the other slot), `hangs` (the kernel: falls back to
   * nothing), `needs-kexec` (starts by kexec, never from firmware).
   */
  readonly badVersions: Map<string, "crashes" | "hangs" | "needs-kexec">;
  /** How the installer ends: an exit code, or without one. */
  installer: number | "no-exit-code" | "refuses-late";
  /** etcd cannot be bootstrapped yet. */
  notReadyToBootstrap: boolean;
  /** Methods, as `Reboot`, that are carried out and whose answer is lost with the connection. */
  readonly loseAnswer: Set<string>;
  /** Methods that are never answered, and do nothing. */
  readonly silent: Set<string>;
  /** Methods that are carried out and answered with an empty message. */
  readonly empty: Set<string>;
  /** The identity it reports instead of its own. */
  reports: { uuid?: string; serial?: string } | undefined;
}

export const createTalosFaults = (): TalosFaults => ({
  locked: false,
  sequenceFails: undefined,
  drainHangs: false,
  badVersions: new Map(),
  installer: 0,
  notReadyToBootstrap: false,
  loseAnswer: new Set(),
  silent: new Set(),
  empty: new Set(),
  reports: undefined,
});
