import { randomUUID } from "node:crypto";
import { createBus } from "../bus.ts";
import { builtinEvents } from "../catalogue/all.ts";
import { createClaims } from "../claims.ts";
import type { Clock } from "../clock.ts";
import type { EventDefinition } from "../define-event.ts";
import { createIncidents } from "../incidents.ts";
import { type LeaseTimes, leaseTimes } from "../leases.ts";
import { createLedger } from "../ledger.ts";
import { createReservations } from "../reservations.ts";
import { createRuns, type Runs } from "../runs.ts";
import { createSettings } from "../settings.ts";
import { decodeToken, type EventStore, type Stop } from "../store.ts";
import { type Accepted, accept, type Incoming, type Prepare } from "./accept.ts";
import { adoptOrphans } from "./adopt.ts";
import { createBeat } from "./beat.ts";
import { createBegin } from "./begin.ts";
import { createEar } from "./hearing.ts";
import { createHands } from "./held.ts";
import { keepFinishedMs, keepHouse } from "./housekeeping.ts";
import { startIntake } from "./intake.ts";
import type { Office, RuntimeLog } from "./office.ts";
import { rebuildIndex } from "./rebuild.ts";
import { createSearch } from "./search.ts";
import { createSlots } from "./slots.ts";
import type { FunctionSpec, Guard, Precedence } from "./spec.ts";
import { createTenure } from "./tenure.ts";

export interface WorkerOptions {
  readonly site: string;
  readonly store: EventStore;
  readonly clock: Clock;
  readonly functions: readonly FunctionSpec[];
  readonly ports: Readonly<Record<string, unknown>>;
  readonly guards: readonly Guard[];
  readonly precedence?: Precedence;
  /** Events beside the built-in catalogue. */
  readonly events?: readonly EventDefinition[];
  /** Throws why an event about this key is refused (an unknown machine). */
  readonly check?: (definition: EventDefinition, data: unknown) => void;
  readonly log?: RuntimeLog;
  /**
   * Called with each event that is accepted here and will have a run that acts, before it is stored: what that run will need of the machine may
   * be opened meanwhile. It must change nothing and not throw, and may be called for a run that never comes, or begins elsewhere.
   */
  readonly prepare?: Prepare;
  /** Runs that may work at the same moment; default 32. Operators' runs do not count. */
  readonly slots?: number;
  readonly approvers?: string;
  readonly leases?: LeaseTimes;
  /** How long finished runs stay readable, milliseconds; default 90 days. */
  readonly keepFinishedMs?: number;
  readonly replay?: boolean;
}

/** One worker: takes events in, drives runs, takes over those of workers that died. */
export interface Worker {
  readonly office: Office;
  readonly runs: Runs;
  start(): Promise<void>;
  /** Takes nothing new, lets acts under way end, gives everything else back. */
  stop(): Promise<void>;
  accept(incoming: Incoming): Promise<Accepted>;
  /** Resolves when no run of this worker is being driven (parked ones do not count). */
  idle(): Promise<void>;
}

const silent: RuntimeLog = { fact: () => undefined, note: () => undefined };
const weekMs = 7 * 86_400_000;

export function createWorker(options: WorkerOptions): Worker {
  const { store, clock, site, functions, log = silent, leases = leaseTimes } = options;
  const events = [...builtinEvents, ...(options.events ?? []), ...functions.map((spec) => spec.on)];
  const office: Office = {
    site,
    store,
    clock,
    bus: createBus(store, [...new Set(events)]),
    claims: createClaims(store),
    ledger: createLedger(store),
    settings: createSettings(store),
    incidents: createIncidents(store),
    reservations: createReservations(store, weekMs),
    specs: functions,
    ports: options.ports,
    guards: options.guards,
    precedence: options.precedence ?? {},
    slots: createSlots(options.slots ?? 32),
    search: createSearch(clock),
    watch: createBeat(clock, 5000),
    telling: createBeat(clock, 250),
    approvers: options.approvers ?? "operators",
    replay: options.replay ?? false,
    log,
    worker: () => tenure.worker(),
  };
  const tenure = createTenure({ store, clock, times: leases, log, onLost: () => lost() });
  const lost = () => {
    log.note("error", "this worker's lease was taken away (it was frozen, or the store was out of reach): it lets go of every run");
    hands.drop();
  };
  const runs = createRuns(store);
  const hands = createHands(office, runs);
  const ear = createEar(office, hands);
  const halted = new AbortController();
  const begin = createBegin(office, runs, hands, ear, halted.signal);
  let stops: Stop[] = [];

  return {
    office,
    runs,
    async start() {
      await tenure.begin();
      const from = await office.bus.position();
      stops.push(await office.bus.follow(from, ear.hear));
      ear.listens(from);
      stops.push(await store.kv.watch("claims", (machine) => hands.wake(decodeToken(machine))));
      // One that comes and goes between two beats leaves its runs too.
      stops.push(await store.kv.watch("leases", office.search.saw));
      await rebuildIndex(office, runs);
      void adoptOrphans({ office, runs, hands, ear, times: leases, standing: tenure.held, halted: halted.signal });
      void keepHouse(office, runs, options.keepFinishedMs ?? keepFinishedMs, halted.signal);
      stops.push(await startIntake(office, (...args) => tenure.held().then(() => begin(...args))));
    },
    async stop() {
      halted.abort();
      await Promise.all(stops.map((stop) => stop()));
      stops = [];
      await hands.release();
      await tenure.end();
    },
    accept: (incoming) => accept(office, incoming, { check: options.check, prepare: options.prepare, freshId: randomUUID }),
    idle: hands.idle,
  };
}
