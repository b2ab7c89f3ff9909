import { randomUUID } from "node:crypto";
import type { StoredEvent } from "../bus.ts";
import { createBus } from "../bus.ts";
import { builtinEvents } from "../catalogue/all.ts";
import { runCancelRequested, runResumeRequested } from "../catalogue/operator.ts";
import { runSuperseded } from "../catalogue/run.ts";
import { createClaims } from "../claims.ts";
import type { Clock } from "../clock.ts";
import type { EventDefinition, StoredCloudEvent } from "../define-event.ts";
import { explain } from "../errors.ts";
import { createIncidents } from "../incidents.ts";
import {
  createJournal,
  type Entry,
  isFinished,
  type Journal,
  journalFormat,
  ownerOf,
  RunLostError,
  readJournal,
  type Word,
} from "../journal.ts";
import { createLeaseWatch, type LeaseTimes, leaseTimes } from "../leases.ts";
import { createLedger } from "../ledger.ts";
import { createReservations } from "../reservations.ts";
import { createRuns, type Runs } from "../runs.ts";
import { createSettings } from "../settings.ts";
import type { EventStore, Stop } from "../store.ts";
import { type Accepted, accept, type Incoming } from "./accept.ts";
import { createControl, DriveEnd, type End } from "./control.ts";
import { driveRun, isParked, type Left } from "./drive.ts";
import { startIntake } from "./intake.ts";
import type { Drive, Office, RunName, RuntimeLog } from "./office.ts";
import { createShow } from "./show.ts";
import { createSlots } from "./slots.ts";
import type { FunctionSpec, Guard, Precedence } from "./spec.ts";
import { patiently } from "./steps.ts";
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
  readonly check?: (definition: EventDefinition, key: string) => void;
  readonly log?: RuntimeLog;
  /** Runs that may work at the same moment; default 32. Operators' runs do not count. */
  readonly slots?: number;
  readonly approvers?: string;
  readonly leases?: LeaseTimes;
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

interface Held {
  readonly drive: Drive;
  /** What people said of its parked acts, as far as we heard. */
  readonly words: StoredEvent<Said>[];
  driving: Promise<Left> | undefined;
  readonly flushed: () => Promise<void>;
}

/** Why this event ends a run, if it does. */
function endOf({ event }: StoredEvent, spec: FunctionSpec, name: RunName): End | undefined {
  if (event.subject === name.run && event.type === runCancelRequested.type) {
    const { reason } = event.data as { reason?: string };
    return { kind: "finish", status: "cancelled", reason: `by ${event.lsactor ?? event.source}${reason ? `: ${reason}` : ""}` };
  }
  if (event.subject === name.run && event.type === runSuperseded.type) {
    const { by, function: who } = event.data as { by: string; function: string };
    return { kind: "finish", status: "superseded", reason: `${who} (run ${by}) takes ${name.key} over` };
  }
  const cancels = spec.cancelOn?.type === event.type && event.subject === name.key;
  return cancels ? { kind: "finish", status: "cancelled", reason: `${event.type} arrived` } : undefined;
}

const silent: RuntimeLog = { fact: () => undefined, note: () => undefined };
type Said = { readonly step: string; readonly word: Word };

/** Whether a worker is dead, for all we can see. */
type Expired = (worker: string) => Promise<boolean>;

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
    approvers: options.approvers ?? "operators",
    replay: options.replay ?? false,
    log,
    worker: () => tenure.worker(),
  };
  const tenure = createTenure({ store, clock, times: leases, log, onLost: () => fenced() });
  const runs = createRuns(store);
  const held = new Map<string, Held>();
  const halted = new AbortController();
  let stops: Stop[] = [];

  const hold = (spec: FunctionSpec, run: string, subject: string, entries: Entry[], last: number): Held | undefined => {
    const started = entries[0];
    if (started?.is !== "started") return undefined;
    const control = createControl(clock);
    const journal = watched(
      createJournal({ store, clock, worker: office.worker(), run, subject, entries, last, signal: control.signal }),
      spec.id,
      started.key,
    );
    const name = { run, function: spec.id, key: started.key };
    const base = { office, spec, name, event: started.event as StoredCloudEvent, position: started.position, journal, control };
    const { show, flushed } = createShow(runs, base);
    const one: Held = { drive: { ...base, show }, words: [], driving: undefined, flushed };
    held.set(run, one);
    return one;
  };

  const watched = (journal: Journal, functionId: string, key: string): Journal => ({
    ...journal,
    async append(fact) {
      const stored = await journal.append(fact);
      log.fact({ run: journal.run, function: functionId, key }, fact);
      return stored;
    },
  });

  /** Drives it, after `first`. Whatever appends to a run's journal does so in here: one at a time. */
  const drive = (one: Held, first: () => Promise<unknown> = async () => undefined): void => {
    one.driving ??= (async () => {
      const left = await first().then(
        () => driveRun(one.drive),
        (error): Left => {
          if (!(error instanceof RunLostError)) log.note("error", `run ${one.drive.name.run} was let go: ${explain(error)}`);
          return "let-go";
        },
      );
      await one.flushed();
      one.driving = undefined;
      const { name, journal } = one.drive;
      if (left !== "parked") {
        if (held.get(name.run) === one) held.delete(name.run);
      } else if (isParked(journal.entries)) heed(one);
      else drive(one);
      return left;
    })();
  };

  /** Obeys what was said of a run before we listened. */
  const catchUp = async (one: Held): Promise<void> => {
    const { name, position, spec } = one.drive;
    const { bus } = office;
    const said: Promise<StoredEvent[]>[] = [
      bus.since(runCancelRequested, name.run, position),
      bus.since(runSuperseded, name.run, position),
      bus.since(runResumeRequested, name.run, position),
    ];
    if (spec.cancelOn) said.push(bus.since(spec.cancelOn, name.key, position));
    for (const item of (await Promise.all(said)).flat().sort((a, b) => a.position - b.position)) tell(one, item);
  };

  /** Notes what an event means for a run; what it waits for, it looks at itself. */
  const tell = ({ drive: { spec, name, position, control }, words }: Held, item: StoredEvent): void => {
    const why = item.position > position ? endOf(item, spec, name) : undefined;
    if (why) control.end(why);
    if (item.event.type === runResumeRequested.type && item.event.subject === name.run) words.push(item as StoredEvent<Said>);
  };

  /** Goes on with a parked run that was ended, or of whose act a person has said what happened. */
  const heed = (one: Held): void => {
    const { journal, control } = one.drive;
    const parked = journal.entries.findLast((entry) => entry.is === "parked");
    if (one.driving || parked?.is !== "parked" || !isParked(journal.entries)) return;
    const word = one.words.find((item) => item.position > parked.position && item.event.data.step === parked.step);
    if (control.ended) drive(one);
    else if (word) {
      const who = word.event.lsactor ?? word.event.source;
      drive(one, () => journal.append({ is: "word", step: parked.step, word: word.event.data.word, who }));
    }
  };

  /** An event reaches the runs it concerns. */
  const hear = (item: StoredEvent): void => {
    const { type, subject } = item.event;
    const concernsAll = type === "run-finished" || type === "trust-changed" || type.endsWith("-released");
    for (const one of held.values()) {
      const { name, control } = one.drive;
      if (!concernsAll && subject !== name.key && subject !== name.run) continue;
      tell(one, item);
      control.wake();
      heed(one);
    }
  };

  const begin = async (spec: FunctionSpec, run: string, subject: string, item: StoredEvent): Promise<void> => {
    await tenure.held();
    if (await store.log.last("journal", subject)) return;
    const key = spec.on.key(item.event.data);
    const now = new Date(clock.now()).toISOString();
    const { type, id, source } = item.event;
    // The index knows of the run before its journal does, so that none can begin and be forgotten.
    await runs.set(run, (known) =>
      known
        ? undefined
        : {
            run,
            function: spec.id,
            key,
            subject,
            event: { type, id, source },
            worker: office.worker(),
            status: "queued",
            reason: "accepted",
            nextWake: now,
            startedAt: now,
            updatedAt: now,
            obligations: [],
          },
    );
    const journal = createJournal({ store, clock, worker: office.worker(), run, subject, entries: [], last: 0, signal: halted.signal });
    try {
      await journal.append({ is: "started", function: spec.id, key, event: item.event as never, position: item.position });
    } catch (error) {
      if (error instanceof RunLostError && !halted.signal.aborted) return;
      throw error;
    }
    const { entries, last } = await readJournal(store, subject);
    if (ownerOf(entries) !== office.worker() || held.has(run) || halted.signal.aborted) return;
    const one = hold(spec, run, subject, entries, last);
    // A cancellation may have overtaken it: its id is known from the moment its event was accepted.
    if (one) take(one, async () => undefined);
  };

  /** Makes a run ours and drives it: what was said before we listened is obeyed first. */
  const take = (one: Held, own: () => Promise<unknown>): void =>
    drive(one, async () => {
      await own();
      await patiently(one.drive, () => catchUp(one)).catch((error) => {
        if (!(error instanceof DriveEnd)) throw error;
      });
    });

  /** Takes a run whose owner is dead. The index may lag: the journal says who owns it. */
  const takeOver = async (run: string, subject: string, expired: Expired): Promise<void> => {
    const { entries, last } = await readJournal(store, subject);
    const started = entries[0];
    if (started?.is !== "started" || held.has(run)) return;
    const spec = functions.find((item) => item.id === started.function);
    if (!spec || entries.some((entry) => entry.v > journalFormat)) {
      const why = spec ? "its journal has a newer format" : `function ${started.function} is not here`;
      const nextWake = new Date(clock.now() + leases.beatMs).toISOString();
      await runs.set(run, (now) => now && { ...now, status: "waiting", reason: `no worker can take it: ${why}`, nextWake });
      return;
    }
    const owner = ownerOf(entries) ?? "";
    if (owner !== office.worker() && !(await expired(owner))) return;
    if (held.has(run) || halted.signal.aborted) return;
    const one = hold(spec, run, subject, entries, last);
    if (one) take(one, async () => !isFinished(entries) && (await one.drive.journal.append({ is: "fenced", victim: owner })));
  };

  const adoptOrphans = async (expired: Expired): Promise<void> => {
    await tenure.held();
    for (const { key: worker } of await store.kv.list("leases")) if (worker !== office.worker()) await expired(worker);
    for (const summary of await runs.all()) {
      if (summary.status === "finished" || held.has(summary.run) || halted.signal.aborted) continue;
      if (summary.worker === office.worker() || (await expired(summary.worker))) await takeOver(summary.run, summary.subject, expired);
    }
  };

  const rebuildIndex = async (): Promise<void> => {
    const known = new Set((await runs.all()).map((summary) => summary.subject));
    for (const subject of await store.log.subjects("journal", ">")) {
      if (known.has(subject)) continue;
      const { entries } = await readJournal(store, subject);
      const started = entries[0];
      if (started?.is !== "started" || isFinished(entries)) continue;
      const run = subject.split(".")[1] ?? "";
      const at = new Date(started.at).toISOString();
      const { type, id, source } = started.event;
      await runs.set(run, (now) =>
        now
          ? undefined
          : {
              run,
              function: started.function,
              key: started.key,
              subject,
              event: { type, id, source },
              worker: ownerOf(entries) ?? "",
              status: "queued",
              reason: "found in its journal",
              nextWake: new Date(clock.now()).toISOString(),
              startedAt: at,
              updatedAt: at,
              obligations: [],
              entries: entries.length,
            },
      );
    }
  };

  const lookForOrphans = async (): Promise<void> => {
    const watch = createLeaseWatch(store, clock, leases);
    while (!halted.signal.aborted) {
      await adoptOrphans(watch.expired).catch((error) => log.note("warn", `looking for orphaned runs failed: ${explain(error)}`));
      await clock.sleep(leases.beatMs, halted.signal).catch(() => undefined);
    }
  };

  /** Another worker declared us dead: every run is theirs. */
  const fenced = () => {
    log.note("error", "this worker's lease was taken away (it was frozen, or the store was out of reach): it lets go of every run");
    for (const one of held.values()) one.drive.control.abort.abort();
    held.clear();
  };

  return {
    office,
    runs,
    async start() {
      await tenure.begin();
      const from = await office.bus.position();
      stops.push(await office.bus.follow(from, hear));
      stops.push(
        await store.kv.watch("claims", () => {
          for (const one of held.values()) one.drive.control.wake();
        }),
      );
      await rebuildIndex();
      void lookForOrphans();
      stops.push(await startIntake(office, begin));
    },
    async stop() {
      halted.abort();
      await Promise.all(stops.map((stop) => stop()));
      stops = [];
      for (const one of held.values()) one.drive.control.end({ kind: "stopped" });
      await Promise.all([...held.values()].map((one) => one.driving));
      for (const one of held.values()) one.drive.control.abort.abort();
      held.clear();
      await tenure.end();
    },
    accept: (incoming) => accept(office, incoming, options.check ?? (() => undefined), randomUUID),
    async idle() {
      for (;;) {
        const driving = [...held.values()].flatMap((one) => one.driving ?? []);
        if (driving.length === 0) return;
        await Promise.all(driving);
      }
    },
  };
}
