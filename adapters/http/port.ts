import type {
  Accepted,
  ActVerb,
  Entry,
  EventDefinition,
  Incident,
  Incoming,
  LedgerEntry,
  RunSummary,
  Stop,
  StoreHealth,
  Verdict,
} from "#events";

/** What the ways in (HTTP, and the CLI over it) can ask and tell. The composition root builds it from the worker and the ports. */
export interface Desk {
  readonly site: string;
  readonly version: string;
  /** Every event that is known here: the built-in ones and those of the site's own functions. */
  readonly events: readonly EventDefinition[];
  /** Lets an event in; throws LightsoutError with LO_EVENT_* or LO_UNKNOWN_MACHINE. */
  accept(incoming: Incoming): Promise<Accepted>;
  runs(): Promise<readonly RunSummary[]>;
  /** A run's summary and journal, newest last; `undefined` when there is none. */
  run(id: string): Promise<{ readonly summary: RunSummary; readonly journal: readonly Entry[] } | undefined>;
  /** Calls for every journal entry of the run from the first on, then as they come. */
  follow(id: string, onEntry: (entry: Entry, seq: number) => void): Promise<Stop>;
  /** Questions waiting for a person. */
  questions(): Promise<readonly Question[]>;
  machines(): Promise<readonly MachineRow[]>;
  /** Why Lightsout did or did not act on a machine: ledger, holds, incident, recent runs and their verdicts. Throws LO_UNKNOWN_MACHINE. */
  why(machine: string): Promise<Why>;
  /** What a function would do for this event now: steps, every guard's verdict, and why not. Nothing is done or stored. */
  plan(incoming: Incoming): Promise<readonly PlannedRun[]>;
  dead(): Promise<readonly DeadLetter[]>;
  /** Mints a new event that names the dead one as its cause. Throws LO_DEAD_UNKNOWN. */
  replay(seq: number, actor: string): Promise<Accepted>;
  /** The freeze in force, if any: from the store or the local STOP file. */
  frozen(): Promise<{ readonly reason: string; readonly by: string; readonly since: string } | undefined>;
  /**
   * Blinks a machine's locator light for so many seconds (0 stops it), and keeps who asked. Nothing of the machine's state changes. Throws
   * LO_UNKNOWN_MACHINE, and LO_UNSUPPORTED where its BMC has no light.
   */
  identify(machine: string, seconds: number, actor: string): Promise<void>;
  /** Looks whether a person's word that a machine is off counts now, and how its power reads. */
  attested(machine: string): Promise<{ readonly counts: boolean; readonly power: string }>;
  /** The holds in force on machines, pools and racks. Where it is absent, a release cannot say whether it released anything of a pool or a rack. */
  holds(): Promise<readonly Hold[]>;
  /** What would have been done in the last `days` where Lightsout only observes, and what then happened. */
  shadow(days: number): Promise<Scorecard>;
  /** What machines are declared to run. */
  readonly configs: ConfigDesk;
  /** What machines may load from the network. */
  readonly netboot: NetbootDesk;
  /** Kept etcd snapshots, newest first. */
  snapshots(): Promise<readonly Snapshot[]>;
  health(): Promise<Health>;
}

/** The shadow's scorecard. */
export interface Scorecard {
  readonly days: number;
  readonly totals: {
    readonly decided: number;
    readonly cameBackAlone: number;
    readonly switchedLater: number;
    /** Of those decided: what another guard than trust would have held back. */
    readonly heldBack: number;
    /** Neither: nothing that is known happened yet. */
    readonly open: number;
  };
  /** Oldest first. */
  readonly rows: readonly ShadowRow[];
}

/** One decision that was not carried out. */
export interface ShadowRow {
  readonly run: string;
  readonly function: string;
  readonly machine: string;
  /** ISO 8601. */
  readonly at: string;
  /** What it would have done, in words. */
  readonly would: string;
  /** Every guard's, as they were then. */
  readonly verdicts: readonly Verdict[];
  /** Guards that would have held it back, whatever trust allows. */
  readonly heldBackBy: readonly string[];
  readonly then: "came-back-alone" | "switched-later" | "open";
  /** How long after the decision. */
  readonly afterMs?: number;
}

/** Every answer is without secrets. Throws LO_UNKNOWN_MACHINE, and LO_NOT_DECLARED for a machine of which nothing is declared. */
export interface ConfigDesk {
  /** A machine's whole configuration, with `(hidden)` where a secret stands. */
  show(machine: string): Promise<string>;
  /** What is wrong with the configuration of one machine, or of all that have one. */
  problems(machine?: string): Promise<readonly MachineProblems[]>;
  /** Where what runs on a machine is not what is declared, a line each; asks the machine. */
  diff(machine: string): Promise<readonly string[]>;
}

export interface MachineProblems {
  readonly machine: string;
  /** Errors first. */
  readonly problems: readonly {
    readonly code: string;
    readonly level: "error" | "warning";
    readonly path: string;
    readonly message: string;
    readonly fix: string;
  }[];
}

export interface NetbootDesk {
  /** Every machine's last arm. */
  arms(): Promise<readonly ArmRow[]>;
  /** Takes a machine's arm back, whose ever it is; `undefined` where it never had one. Throws LO_UNKNOWN_MACHINE. */
  disarm(machine: string, why: string): Promise<ArmRow | undefined>;
  /** The dnsmasq configuration for the inventory. Throws LO_DNSMASQ. */
  dnsmasq(): string;
}

export interface ArmRow {
  readonly machine: string;
  readonly run: string;
  readonly state: "armed" | "taken" | "consumed" | "disarmed";
  /** The kernel that it lets the machine load. */
  readonly boots: string;
  /** ISO 8601; from then on it opens nothing. */
  readonly expires: string;
  /** What was seen, oldest first. `at` is ISO 8601. */
  readonly evidence: readonly { readonly stage: string; readonly at: string; readonly detail: string }[];
}

export interface Snapshot {
  readonly name: string;
  readonly bytes: number;
  readonly sha256: string;
  /** ISO 8601. */
  readonly at: string;
  readonly where: string;
}

/** Hands off, as somebody said. */
export interface Hold {
  readonly scope: string;
  readonly name: string;
  readonly reason: string;
  readonly by: string;
  /** ISO 8601, as is `until`; absent: until somebody releases it. */
  readonly since: string;
  readonly until?: string;
}

export interface Question {
  readonly run: string;
  readonly function: string;
  readonly machine?: string;
  readonly step: string;
  readonly nonce: string;
  readonly digest: string;
  readonly ask: string;
  readonly plan: unknown;
  readonly from: string;
  readonly until: string;
}

export interface MachineRow extends Trusted {
  readonly name: string;
  readonly role: string;
  readonly pool: string;
  readonly node: string;
  /** Node Ready as last seen; `unknown` while the API cannot be read. */
  readonly ready: string;
  readonly bmc: string;
  readonly powerState: "on" | "off" | "unknown";
  /** The BMC's answer now, or what is wrong with it. */
  readonly power: string;
  /** Do BMC, Node and inventory agree on who it is? */
  readonly identity: "agrees" | "contradicts" | "cannot-tell";
  /** Which of the three name the same machine: all, two of them, or none. */
  readonly agree: readonly ("inventory" | "BMC" | "Node")[];
  readonly identityDetail: string;
  /** What each of them says, as `uuid …` or `serial …`; absent where it says nothing. */
  readonly witnesses: { readonly inventory?: string; readonly bmc?: string; readonly node?: string };
  readonly canProveOff: boolean;
  /** SHA-256 of its BMC's certificate, where it was trusted on first use. */
  readonly pinned?: string;
  /** The last drill that it passed. */
  readonly drill?: DrillRow;
  readonly gpus: string;
  readonly want?: string;
  /** Everything that holds it. */
  readonly holds: readonly string[];
  readonly quarantine?: string;
  readonly incident?: string;
  /** The run that holds it. */
  readonly run?: string;
  /** What guards would say now against acting on it; empty where nothing stands against it. */
  readonly objections: readonly Objection[];
}

/** Trust as it was given, and as it counts now. */
export interface Trusted {
  readonly trust: string;
  /** `auto` that rests on no drill is `ask`. */
  readonly trustInForce: string;
  /** Why less is in force than was given. */
  readonly trustWhy?: string;
}

export interface DrillRow {
  /** ISO 8601. */
  readonly at: string;
  readonly run: string;
  readonly offMs: number;
  readonly bootMs: number;
  readonly gpus: number;
  /** Why it no longer counts: the machine, its BMC's firmware or its address is another one. */
  readonly lapsed?: string;
}

/** A guard's objection to an act that nobody has asked for yet. */
export interface Objection {
  readonly against: readonly ("recovery" | "off" | "on")[];
  readonly guard: string;
  readonly says: string;
  readonly reason: string;
}

export interface Why extends Trusted {
  readonly machine: string;
  readonly ledger: LedgerEntry;
  readonly incident?: Incident;
  readonly holds: readonly string[];
  readonly frozen?: string;
  /** Who says that it is off, where its BMC cannot. */
  readonly attested?: string;
  readonly drill?: DrillRow;
  readonly runs: readonly WhyRun[];
  /** One plain sentence. */
  readonly answer: string;
}

/** A recent run, and what the guards said last. */
export interface WhyRun {
  readonly summary: RunSummary;
  readonly verdicts: readonly Verdict[];
  /** The act that the guards were asked about. `at` is ISO 8601; `verb` is absent where they held it back before it was begun. */
  readonly act?: { readonly step: string; readonly verb?: ActVerb; readonly at: string };
  readonly ended?: string;
}

export interface PlannedRun {
  readonly function: string;
  readonly steps: readonly { readonly step: string; readonly what: string; readonly verdicts?: readonly Verdict[] }[];
  /** Where it would stop, and why; absent when it would go through. */
  readonly stops?: string;
}

export interface DeadLetter {
  readonly seq: number;
  readonly at: string;
  readonly reason: string;
  readonly function?: string;
  readonly run?: string;
  readonly event: unknown;
}

export interface Health {
  readonly ok: boolean;
  readonly store: StoreHealth;
  readonly cluster: { readonly ok: boolean; readonly detail: string };
  readonly runs: { readonly working: number; readonly parked: number };
  readonly frozen: boolean;
  /** Whether it serves what its file says now. False while that cannot be read or served: its log says why. */
  readonly upToDate: boolean;
}
