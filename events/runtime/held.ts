import type { StoredEvent } from "../bus.ts";
import type { StoredCloudEvent } from "../define-event.ts";
import { explain } from "../errors.ts";
import { createJournal, type Entry, type Journal, RunLostError, type Word } from "../journal.ts";
import type { Runs } from "../runs.ts";
import { createControl } from "./control.ts";
import { driveRun, isParked, type Left } from "./drive.ts";
import type { Drive, Office } from "./office.ts";
import { createShow, type Show } from "./show.ts";
import type { FunctionSpec } from "./spec.ts";

/** A run in this worker's hands: being driven, or parked and listening. */
export interface Held {
  readonly drive: Drive;
  /** What people said of its parked acts, as far as we heard. */
  readonly words: StoredEvent<{ readonly step: string; readonly word: Word }>[];
  driving: Promise<Left> | undefined;
  readonly flushed: Show["flushed"];
  readonly listed: Show["listed"];
}

/** Where a run's journal is and what it holds. */
export interface Found {
  readonly run: string;
  readonly subject: string;
  readonly entries: Entry[];
  readonly last: number;
  /** Of its entry in the index, where we wrote that ourselves; 0 where it has none yet. */
  readonly revision?: number | undefined;
}

/** The runs in one worker's hands. */
export interface Hands {
  has(run: string): boolean;
  /** Those that an event with this subject is about: the runs of a key, or the run of that name. */
  about(subject: string): readonly Held[];
  /**
   * Takes a run and drives it, `first` coming before everything else. A run that is held already, or has not begun, is left as it is.
   * Resolves when a run that was taken stands in the index; rejects when it is let go before that.
   */
  take(spec: FunctionSpec, found: Found, first: (one: Held) => Promise<void>): Promise<void>;
  /** Goes on with a parked run that was ended, or of whose act a person has said what happened. */
  heed(one: Held): void;
  /** Wakes the runs of one key. */
  wake(key: string): void;
  /** Wakes all of them, once for everything that happens at the same time. */
  wakeAll(): void;
  /** Lets acts under way end and gives everything else back. */
  release(): Promise<void>;
  /** Drops everything at once: it is all another worker's. */
  drop(): void;
  /** Resolves when nothing is being driven. */
  idle(): Promise<void>;
}

export function createHands(office: Office, runs: Runs): Hands {
  const held = new Map<string, Held>();
  const byKey = new Map<string, Set<Held>>();
  let waking = false;

  const keep = (one: Held): void => {
    const { key, run } = one.drive.name;
    held.set(run, one);
    const same = byKey.get(key) ?? new Set();
    byKey.set(key, same.add(one));
  };
  const letGo = (one: Held): void => {
    const { key, run } = one.drive.name;
    if (held.get(run) === one) held.delete(run);
    const same = byKey.get(key);
    same?.delete(one);
    if (same?.size === 0) byKey.delete(key);
  };

  /** Whatever appends to a run's journal does so in here: one at a time. */
  const drive = (one: Held, first: () => Promise<unknown>): void => {
    one.driving ??= (async () => {
      const left = await first().then(
        () => driveRun(one.drive),
        (error): Left => {
          if (!(error instanceof RunLostError)) office.log.note("error", `run ${one.drive.name.run} was let go: ${explain(error)}`);
          return "let-go";
        },
      );
      await one.flushed();
      one.driving = undefined;
      if (left === "let-go") office.search.wanted();
      if (left !== "parked") letGo(one);
      else if (isParked(one.drive.journal.entries)) heed(one);
      else drive(one, async () => undefined);
      return left;
    })();
  };

  const heed = (one: Held): void => {
    const { journal, control } = one.drive;
    const parked = journal.entries.findLast((entry) => entry.is === "parked");
    if (parked?.is !== "parked" || !isParked(journal.entries)) return;
    const word = one.words.find((item) => item.position > parked.position && item.event.data.step === parked.step);
    if (control.ended) drive(one, async () => undefined);
    else if (word) {
      const who = word.event.lsactor ?? word.event.source;
      drive(one, () => journal.append({ is: "word", step: parked.step, word: word.event.data.word, who }));
    }
  };

  const all = () => [...held.values()];
  const drop = () => {
    for (const one of all()) {
      one.drive.control.abort.abort();
      letGo(one);
    }
  };
  return {
    has: (run) => held.has(run),
    about(subject) {
      const named = held.get(subject);
      return [...(byKey.get(subject) ?? []), ...(named ? [named] : [])];
    },
    heed,
    drop,
    async take(spec, found, first) {
      const one = held.has(found.run) ? undefined : heldOf(office, runs, spec, found);
      if (!one) return;
      keep(one);
      drive(one, () => first(one));
      await one.listed;
    },
    wake(key) {
      for (const one of byKey.get(key) ?? []) one.drive.control.wake();
    },
    wakeAll() {
      if (waking) return;
      waking = true;
      queueMicrotask(() => {
        waking = false;
        for (const one of all()) one.drive.control.wake();
      });
    },
    async release() {
      for (const one of all()) one.drive.control.end({ kind: "stopped" });
      await Promise.all(all().map((one) => one.driving));
      drop();
    },
    async idle() {
      for (;;) {
        const driving = all().flatMap((one) => one.driving ?? []);
        if (driving.length === 0) return;
        await Promise.all(driving);
      }
    },
  };
}

function heldOf(office: Office, runs: Runs, spec: FunctionSpec, { run, subject, entries, last, revision }: Found): Held | undefined {
  const started = entries[0];
  if (started?.is !== "started") return undefined;
  const { store, clock } = office;
  const control = createControl(clock);
  const name = { run, function: spec.id, key: started.key };
  const writer = { store, clock, worker: office.worker(), signal: control.signal, givesUp: () => control.stopping };
  const journal = createJournal({ ...writer, run, subject, entries, last });
  const watched: Journal = {
    ...journal,
    async append(fact) {
      const stored = await journal.append(fact);
      office.log.fact(name, fact);
      return stored;
    },
  };
  const event = started.event as StoredCloudEvent;
  const base = { office, spec, name, event, position: started.position, journal: watched, control };
  const { show, flushed, listed } = createShow(runs, base, revision);
  if (revision === 0) show({ status: "running", reason: "accepted", nextWake: clock.now() });
  return { drive: { ...base, show }, words: [], driving: undefined, flushed, listed };
}
