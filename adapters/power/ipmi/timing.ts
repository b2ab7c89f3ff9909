/** How long to wait for a BMC, milliseconds. */
export interface IpmiTimeouts {
  /** One answer; each repetition waits half of it longer. Default 1000. */
  readonly packetMs: number;
  /** How often a read is sent before its session counts as lost. Default 4. */
  readonly tries: number;
  /** How often the session set-up is begun. Default 5. */
  readonly setupTries: number;
  /** The answer to a request that is never sent twice. Default 5000. */
  readonly onceMs: number;
  /** Pause before a busy BMC is asked again. Default 5000; less has crashed BMCs. */
  readonly busyMs: number;
  /** How often a busy BMC is asked. Default 3. */
  readonly busyTries: number;
  /** A session unused for this long is closed, well before BMCs drop it themselves (30 to 60 s). Default 10 000. */
  readonly idleMs: number;
}

/** Defaults as documented at each field. */
export const defaultTimeouts: IpmiTimeouts = {
  packetMs: 1000,
  tries: 4,
  setupTries: 5,
  onceMs: 5000,
  busyMs: 5000,
  busyTries: 3,
  idleMs: 10_000,
};

/** The waits of `tries` transmissions. */
export const waits = (packetMs: number, tries: number): number[] => Array.from({ length: tries }, (_, index) => packetMs * (1 + index / 2));
