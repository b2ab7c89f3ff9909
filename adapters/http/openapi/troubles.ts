/** Codes by status; `*` stands for any ending. */
export type Codes = Readonly<Record<number, readonly string[]>>;

/** What may stand against a request, beside what may stand against every one. */
export const troubles = {
  /** It names a machine. */
  machine: { 404: ["LO_UNKNOWN_MACHINE"] },
  /** It names a run, or the beginning of its id. */
  run: { 404: ["LO_UNKNOWN_RUN"], 409: ["LO_RUN_AMBIGUOUS"] },
  /** It changes a run: it must not have ended, and must be where the request says. */
  unfinished: { 409: ["LO_RUN_FINISHED", "LO_RUN_NOT_PARKED", "LO_QUESTION_CLOSED"] },
  /** It sends an event. */
  event: {
    403: ["LO_EVENT_FORBIDDEN"],
    404: ["LO_EVENT_UNKNOWN", "LO_UNKNOWN_MACHINE"],
    413: ["LO_STORE_TOO_BIG"],
    422: ["LO_EVENT_INVALID", "LO_HTTP_INVALID"],
    507: ["LO_STORE_FULL"],
  },
  /** It sends a dead letter's event again. */
  letter: { 404: ["LO_DEAD_UNKNOWN"], 409: ["LO_DEAD_UNUSABLE"] },
  /** It needs what the configuration may not have. */
  declared: { 409: ["LO_NOT_CONFIGURED", "LO_NOT_DECLARED", "LO_MACHINE_CONFIG", "LO_CONFIG_PATCH", "LO_DNSMASQ"] },
  /** It asks a machine's Talos. */
  talos: { 502: ["LO_TALOS_*"], 504: ["LO_TALOS_TIMEOUT"] },
  /** It asks a machine's BMC. */
  bmc: { 409: ["LO_UNSUPPORTED"], 502: ["LO_BMC_*"], 504: ["LO_BMC_TIMEOUT"] },
  /** It asks where snapshots are kept. */
  snapshots: { 409: ["LO_NOT_CONFIGURED"], 502: ["LO_SNAPSHOT"] },
  /** It opens a stream. */
  stream: { 400: ["LO_HTTP_LAST_EVENT_ID"], 503: ["LO_HTTP_STREAMS"] },
} as const satisfies Record<string, Codes>;

export type Trouble = keyof typeof troubles;

/** The codes of all of them, by status. */
export function codesOf(all: readonly Codes[]): Codes {
  const found: Record<number, string[]> = {};
  for (const [status, codes] of all.flatMap((one) => Object.entries(one))) {
    const known = found[Number(status)] ?? [];
    found[Number(status)] = [...known, ...codes.filter((code) => !known.includes(code))];
  }
  return found;
}
