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
import { createJournal, type Entry, isFinished, type Journal, journalFormat, ownerOf, RunLostError, readJournal } from "../journal.ts";
import { createLeaseWatch, holdLease, type Lease, type LeaseTimes, leaseTimes } from "../leases.ts";
import { createLedger } from "../ledger.ts";
import { createReservations } from "../reservations.ts";
import { createRuns, type Runs } from "../runs.ts";
import { createSettings } from "../settings.ts";
import type { EventStore, Stop } from "../store.ts";
import { type Accepted, accept, type Incoming } from "./accept.ts";
import { createControl } from "./control.ts";
import { driveRun, isParked, type Left } from "./drive.ts";
import { startIntake } from "./intake.ts";
import type { Drive, Office, RuntimeLog } from "./office.ts";
import { createShow } from "./show.ts";
import { createSlots } from "./slots.ts";
import type { FunctionSpec, Guard, Precedence } from "./spec.ts";

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
  driving: Promise<Left> | undefined;
  readonly flushed: () => Promise<void>;
}

const silent: RuntimeLog = { fact: () => undefined, note: () => undefined };
const weekMs = 7 * 86_400_000;

export function createWorker(options: WorkerOptions): Worker {
  const { store, clock, site, functions, log = silent, leases = leaseTimes } = options;
  const events = [...builtinEvents, ...(options.events ?? []), ...functions.map((spec) => spec.on)];
  let lease: Lease | undefined;
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
    worker: () => lease?.worker ?? "",
  };
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
    const one: Held = { drive: { ...base, show }, driving: undefined, flushed };
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

  const drive = (one: Held): void => {
    one.driving ??= (async () => {
      const left = await driveRun(one.drive);
      await one.flushed();
      one.driving = undefined;
      if (left !== "parked") held.delete(one.drive.name.run);
      else if (!isParked(one.drive.journal.entries)) drive(one);
      return left;
    })();
  };

  /** What people and other runs said of a run since `after`, for a run that was not listening. */
  const catchUp = async (one: Held): Promise<void> => {
    const { name, journal, position, spec } = one.drive;
    const parked = journal.entries.findLast((entry) => entry.is === "parked");
    const since = parked?.is === "parked" ? parked.position : position;
    for (const item of await office.bus.since(runCancelRequested, name.run, position)) await hear(item);
    for (const item of await office.bus.since(runSuperseded, name.run, position)) await hear(item);
    for (const item of await office.bus.since(runResumeRequested, name.run, since)) await hear(item);
    if (spec.cancelOn) for (const item of await office.bus.since(spec.cancelOn, name.key, position)) await hear(item);
  };

  /** An event reaches the runs it concerns. */
  const hear = async (item: StoredEvent): Promise<void> => {
    const { event } = item;
    const concerned = held.get(event.subject);
    if (concerned && event.type === runCancelRequested.type) {
      const { reason } = event.data as { reason?: string };
      end(concerned, { status: "cancelled", reason: `by ${event.lsactor ?? event.source}${reason ? `: ${reason}` : ""}` });
    } else if (concerned && event.type === runSuperseded.type) {
      const { by, function: who } = event.data as { by: string; function: string };
      end(concerned, { status: "superseded", reason: `${who} (run ${by}) takes ${concerned.drive.name.key} over` });
    } else if (concerned && event.type === runResumeRequested.type) await resume(concerned, item);
    for (const one of held.values()) {
      const { spec, name, position, control } = one.drive;
      if (event.subject !== name.key && event.subject !== name.run) continue;
      if (spec.cancelOn?.type === event.type && item.position > position) {
        end(one, { status: "cancelled", reason: `${event.type} arrived` });
      }
      control.wake();
    }
    if (event.type === "run-finished" || event.type.endsWith("-released") || event.type === "trust-changed") {
      for (const one of held.values()) one.drive.control.wake();
    }
  };

  const end = (one: Held, why: { status: "cancelled" | "superseded"; reason: string }) => {
    one.drive.control.end({ kind: "finish", ...why });
    drive(one);
  };

  const resume = async (one: Held, item: StoredEvent): Promise<void> => {
    const { step, word } = item.event.data as { step: string; word: "happened" | "did-not-happen" | "abandon" };
    const { journal } = one.drive;
    const parked = journal.entries.findLast((entry) => entry.is === "parked");
    if (!isParked(journal.entries) || parked?.is !== "parked" || parked.step !== step || item.position <= parked.position) return;
    await journal.append({ is: "word", step, word, who: item.event.lsactor ?? item.event.source });
    drive(one);
  };

  const begin = async (spec: FunctionSpec, run: string, subject: string, item: StoredEvent): Promise<void> => {
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
    if (ownerOf(entries) !== office.worker()) return;
    const one = hold(spec, run, subject, entries, last);
    if (one) drive(one);
  };

  const takeOver = async (run: string, subject: string): Promise<void> => {
    const { entries, last } = await readJournal(store, subject);
    const started = entries[0];
    if (started?.is !== "started" || held.has(run)) return;
    const spec = functions.find((item) => item.id === started.function);
    if (!spec || entries.some((entry) => entry.v > journalFormat)) {
      const why = spec ? "its journal has a newer format" : `function ${started.function} is not here`;
      await runs.set(run, (now) => now && { ...now, status: "waiting", reason: `no worker can take it: ${why}` });
      return;
    }
    const one = hold(spec, run, subject, entries, last);
    if (!one) return;
    try {
      if (!isFinished(entries)) await one.drive.journal.append({ is: "fenced", victim: ownerOf(entries) ?? "" });
      await catchUp(one);
      drive(one);
    } catch (error) {
      held.delete(run);
      if (!(error instanceof RunLostError)) throw error;
    }
  };

  const adoptOrphans = async (expired: (worker: string) => Promise<boolean>): Promise<void> => {
    for (const summary of await runs.all()) {
      if (summary.status === "finished" || held.has(summary.run) || halted.signal.aborted) continue;
      if (summary.worker === office.worker() || (await expired(summary.worker))) await takeOver(summary.run, summary.subject);
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
              startedAt: at,
              updatedAt: at,
              obligations: [],
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
    log.note("error", "this worker's lease was taken away; it lets go of every run");
    for (const one of held.values()) one.drive.control.abort.abort();
    held.clear();
  };

  return {
    office,
    runs,
    async start() {
      lease = await holdLease(store, clock, leases, fenced);
      const from = await office.bus.position();
      stops.push(await office.bus.follow(from, (item) => void hear(item).catch((error) => log.note("warn", explain(error)))));
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
      await lease?.end();
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
