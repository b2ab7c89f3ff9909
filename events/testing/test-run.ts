import { randomUUID } from "node:crypto";
import type { EventDefinition } from "../define-event.ts";
import { type Entry, isFinished, journalSubject, readJournal } from "../journal.ts";
import { createMemoryStore } from "../memory.ts";
import { runIdOf } from "../runtime/accept.ts";
import { isParked } from "../runtime/drive.ts";
import type { Office } from "../runtime/office.ts";
import type { FunctionSpec, Guard, Precedence } from "../runtime/spec.ts";
import { createWorker, type Worker } from "../runtime/worker.ts";
import type { EventStore } from "../store.ts";
import { createFakeTime, type FakeClock, type FakeTime } from "./fake-time.ts";

export interface TestRunOptions {
  /** The event's data; it must fit the function's event. */
  readonly data: unknown;
  readonly ports: Readonly<Record<string, unknown>> | ((clock: FakeClock) => Readonly<Record<string, unknown>>);
  /** Default none: every act is allowed. */
  readonly guards?: readonly Guard[] | ((office: Office) => readonly Guard[]);
  readonly precedence?: Precedence;
  readonly time?: FakeTime;
  readonly store?: EventStore;
  readonly eventId?: string;
  /** Run the handler again from the top after every step; default true. */
  readonly replay?: boolean;
  /** Called when the worker runs and the event is in: publish more, decide approvals. */
  readonly meanwhile?: (worker: Worker, clock: FakeClock, run: string) => Promise<void> | void;
  /** Ends waiting after this much fake time; default 7 days. */
  readonly limitMs?: number;
  readonly events?: readonly EventDefinition[];
}

export interface TestRun {
  readonly run: string;
  /** `ok`, `failed`, …, `parked`, or `unfinished` when the time limit came first. */
  readonly status: string;
  readonly reason: string | undefined;
  readonly journal: readonly Entry[];
  /** The journal as lines for an inline snapshot: what, which step, what came of it. */
  readonly lines: readonly string[];
  readonly store: EventStore;
  readonly time: FakeTime;
}

/** Runs one function for one event on the production runtime, with a store in memory and time that skips. */
export async function testRun(spec: FunctionSpec, options: TestRunOptions): Promise<TestRun> {
  const time = options.time ?? createFakeTime();
  const clock = time.clock();
  const store = options.store ?? createMemoryStore({ clock });
  const ports = typeof options.ports === "function" ? options.ports(clock) : options.ports;
  const guards: Guard[] = [];
  const worker = createWorker({
    site: "test",
    store,
    clock,
    functions: [spec],
    ports,
    guards,
    replay: options.replay ?? true,
    ...(options.precedence ? { precedence: options.precedence } : {}),
    ...(options.events ? { events: options.events } : {}),
  });
  if (options.guards) guards.push(...(typeof options.guards === "function" ? options.guards(worker.office) : options.guards));
  await worker.start();
  const id = options.eventId ?? randomUUID();
  const { event } = await worker.office.bus.publish(spec.on, options.data, { id, source: "test" });
  const run = runIdOf("test", spec.id, event.source, event.id);
  await options.meanwhile?.(worker, clock, run);
  const ended = await whenEnded(store, clock, journalSubject(spec.id, run), options.limitMs ?? 7 * 86_400_000);
  await worker.stop();
  return { run, ...ended, store, time };
}

/** Waits until the run of a journal has finished or parked. */
export async function whenEnded(
  store: EventStore,
  clock: FakeClock,
  subject: string,
  limitMs: number,
): Promise<{ status: string; reason: string | undefined; journal: readonly Entry[]; lines: readonly string[] }> {
  const end = clock.mono() + limitMs;
  for (;;) {
    const { entries } = await readJournal(store, subject);
    const last = entries.at(-1);
    const parked = isParked(entries);
    if (parked || isFinished(entries) || clock.mono() >= end) {
      const status = last?.is === "finished" ? last.status : parked ? "parked" : "unfinished";
      const reason = last?.is === "finished" ? last.reason : last?.is === "parked" ? last.reason : undefined;
      return { status, reason, journal: entries, lines: entries.map(line) };
    }
    await clock.sleep(1000);
  }
}

/** One journal entry as a short line, without what differs from run to run. */
export function line(entry: Entry): string {
  switch (entry.is) {
    case "started":
      return `started ${entry.function} for ${entry.key}`;
    case "done":
      return `done "${entry.step}"${entry.result === undefined ? "" : ` ${JSON.stringify(entry.result)}`}`;
    case "intent":
      return `intent "${entry.step}" ${entry.verb} #${entry.attempt}`;
    case "outcome":
      return `outcome "${entry.step}" ${entry.result}: ${entry.seen}`;
    case "obliged":
      return `obliged ${entry.obligation.kind}`;
    case "cleared":
      return `cleared ${entry.kind}`;
    case "failed":
      return `failed "${entry.step}" #${entry.attempt}: ${entry.error}`;
    case "waiting":
      return entry.paused ? `held "${entry.step}": ${entry.reason}` : `waiting "${entry.step}"`;
    case "asked":
      return `asked "${entry.step}": ${entry.ask}`;
    case "decided":
      return `decided "${entry.step}" ${entry.approved ? "approved" : "refused"} by ${entry.who}`;
    case "parked":
      return `parked "${entry.step}": ${entry.reason}`;
    case "word":
      return `word "${entry.step}" ${entry.word} by ${entry.who}`;
    case "judged":
      return `judged "${entry.step}" ${entry.verdicts.map((verdict) => `${verdict.guard}:${verdict.says}`).join(" ")}`;
    case "finished":
      return `finished ${entry.status}${entry.reason ? `: ${entry.reason}` : ""}`;
    case "resumed":
      return `resumed "${entry.step}"`;
    case "inherited":
      return `inherited ${entry.obligations.map((open) => open.kind).join(", ")}`;
    case "fenced":
      return "fenced";
  }
}
