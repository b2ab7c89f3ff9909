import type { Bus } from "../bus.ts";
import type { Claims } from "../claims.ts";
import type { Clock } from "../clock.ts";
import type { StoredCloudEvent } from "../define-event.ts";
import type { Incidents } from "../incidents.ts";
import type { Fact, Journal } from "../journal.ts";
import type { Ledger } from "../ledger.ts";
import type { Reservations } from "../reservations.ts";
import type { Settings } from "../settings.ts";
import type { EventStore } from "../store.ts";
import type { Beat } from "./beat.ts";
import type { Control } from "./control.ts";
import type { Search } from "./search.ts";
import type { Slots } from "./slots.ts";
import type { FunctionSpec, Guard, Precedence } from "./spec.ts";

/** Everything the parts of one worker share. */
export interface Office {
  readonly site: string;
  readonly store: EventStore;
  readonly clock: Clock;
  readonly bus: Bus;
  readonly claims: Claims;
  readonly ledger: Ledger;
  readonly settings: Settings;
  readonly incidents: Incidents;
  readonly reservations: Reservations;
  readonly specs: readonly FunctionSpec[];
  readonly ports: Readonly<Record<string, unknown>>;
  readonly guards: readonly Guard[];
  readonly precedence: Precedence;
  readonly slots: Slots;
  readonly search: Search;
  /** Every 5 s: working time is counted. */
  readonly watch: Beat;
  /** Every 250 ms: lists are told what works longer than that. Quick steps would write more into the index than into the journal. */
  readonly telling: Beat;
  /** Who decides when a run asks and names nobody. */
  readonly approvers: string;
  /** Run the handler again from the top after every recorded step. */
  readonly replay: boolean;
  readonly log: RuntimeLog;
  /** This worker, as it signs journals. */
  worker(): string;
}

/** What the runtime tells people as it happens. Never holds secrets: only names, steps and reasons. */
export interface RuntimeLog {
  /** A journal entry of a run was written here. */
  fact(run: RunName, fact: Fact): void;
  note(level: "info" | "warn" | "error", message: string, about?: Readonly<Record<string, string>>): void;
}

export interface RunName {
  readonly run: string;
  readonly function: string;
  readonly key: string;
}

/** A run in its owner's hands. */
export interface Drive {
  readonly office: Office;
  readonly spec: FunctionSpec;
  readonly name: RunName;
  readonly event: StoredCloudEvent;
  /** The position of the event that started it. */
  readonly position: number;
  readonly journal: Journal;
  readonly control: Control;
  /** Shows what the run is doing: its reason, and when it looks again. */
  show(state: Shown): void;
}

export interface Shown {
  readonly status: "queued" | "running" | "waiting" | "asking" | "parked" | "finished";
  readonly reason: string;
  readonly step?: string;
  /** Wall clock milliseconds. */
  readonly nextWake?: number;
}

/** The machine a run may actuate: its key, if its function acts at all. */
export const machineOf = (spec: FunctionSpec, key: string): string | undefined => (spec.acts.length > 0 ? key : undefined);
