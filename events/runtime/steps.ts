import { type EventDefinition, stableId } from "../define-event.ts";
import { milliseconds } from "../duration.ts";
import { DeniedError, explain, LightsoutError, RefusedError, TerminalError } from "../errors.ts";
import { type Entry, forebears, type Obligation, openObligations, RunLostError, waitPosition } from "../journal.ts";
import type { Json } from "../json.ts";
import { takeEffect } from "./accept.ts";
import { actStep, gateDeadlineMs } from "./act.ts";
import { approveStep } from "./approve.ts";
import { DriveEnd } from "./control.ts";
import { judge, wouldHold } from "./judge.ts";
import type { Drive } from "./office.ts";
import type { Step } from "./spec.ts";

type Done = Extract<Entry, { is: "done" }>;

/** The memory of one pass through the handler: names used, and what the journal holds of them. */
export interface Pass {
  readonly drive: Drive;
  /** Enters a step: checks the name, the boundary and that no other step is under way. */
  enter<Result>(name: string, work: () => Promise<Result>): Promise<Result>;
  done(name: string): Done | undefined;
  /** Records a step's result; under replay, starts the handler over. */
  record(name: string, result: Json | undefined, position?: number): Promise<void>;
  /** The step that was begun and has not ended. */
  readonly open: { readonly name: string; readonly ended: Promise<unknown> } | undefined;
  /** Why a step ended the run: the handler cannot go on by catching it. */
  readonly over: DriveEnd | RunLostError | undefined;
}

/** Begins one pass through a run's handler. */
export function createPass(drive: Drive): Pass {
  const names = new Set<string>();
  const { journal, control, office } = drive;
  let open: Pass["open"];
  let over: Pass["over"];
  const done = (name: string) => journal.entries.find((entry): entry is Done => entry.is === "done" && entry.step === name);
  return {
    drive,
    done,
    get open() {
      return open;
    },
    get over() {
      return over;
    },
    async enter(name, work) {
      if (over) throw over;
      control.boundary();
      if (open) {
        throw new LightsoutError(
          "LO_STEP_PARALLEL",
          `step "${name}" began while "${open.name}" was under way: steps of a run go one at a time`,
        );
      }
      if (names.has(name))
        throw new LightsoutError("LO_STEP_TWICE", `step name "${name}" is used twice in one run: steps are remembered by name`);
      names.add(name);
      const working = work();
      open = { name, ended: working.catch(() => undefined) };
      try {
        return await working;
      } catch (error) {
        if (error instanceof DriveEnd || error instanceof RunLostError) over = error;
        throw error;
      } finally {
        open = undefined;
      }
    },
    async record(step, result, position) {
      await journal.append({
        is: "done",
        step,
        ...(result === undefined ? {} : { result }),
        ...(position === undefined ? {} : { position }),
      });
      if (office.replay) throw new DriveEnd({ kind: "replay" });
    },
  };
}

/** The seven verbs for one pass through a run's handler. */
export function createStep(pass: Pass): Step {
  const { drive } = pass;
  const { office, journal, control } = drive;
  const { clock } = office;

  return {
    self: { run: drive.name.run, inherited: forebears(journal.entries) },
    run: (name, work, options = {}) =>
      pass.enter(name, async () => {
        const before = pass.done(name);
        if (before) return before.result as never;
        const { attempts = 3, timeout = "30s", leaves, leftNothing, clears, guarded } = options;
        if (clears && !openObligations(journal.entries).some((open) => open.kind === clears)) {
          await pass.record(name, undefined);
          return undefined as never;
        }
        drive.show({ status: "running", reason: name, step: name, nextWake: clock.now() + milliseconds(timeout) });
        if (leaves) await oblige(drive, name, leaves);
        const marks = leaves !== undefined || clears !== undefined;
        const tryIt = (halt?: AbortSignal) => attempted(drive, name, work, { attempts, timeoutMs: milliseconds(timeout), marks, halt });
        const result = await (guarded ? underGuard(drive, name, tryIt) : tryIt());
        if (leaves && leftNothing?.(result)) await journal.append({ is: "cleared", kind: leaves.kind });
        if (clears) await journal.append({ is: "cleared", kind: clears });
        await pass.record(name, result as Json | undefined);
        return result;
      }),

    act: (name, act, options) => pass.enter(name, () => actStep(drive, name, act, options?.attempts ?? 2)),

    until: (name, probe, { every, within, wakeOn }) =>
      pass.enter(name, async () => {
        const before = pass.done(name);
        if (before) return before.result as never;
        const left = await deadline(drive, name, milliseconds(within));
        let position = wakeOn ? await patiently(drive, () => office.bus.position()) : 0;
        for (;;) {
          const met = await look(drive, probe, Math.max(milliseconds(every), 5000));
          control.boundary();
          const isMet = met !== undefined && met !== null && met !== false;
          if (isMet || left() <= 0) {
            const result = isMet ? (met as Json) : undefined;
            await pass.record(name, result);
            return result as never;
          }
          const next = clock.mono() + Math.min(milliseconds(every), left());
          for (;;) {
            const wait = next - clock.mono();
            if (wait <= 0) break;
            await control.wait(wait);
            control.boundary();
            if (!wakeOn) continue;
            const news = await patiently(drive, () => office.bus.since(wakeOn, drive.name.key, position));
            position = news.at(-1)?.position ?? position;
            if (news.length > 0) break;
          }
        }
      }),

    sleep: (name, duration) =>
      pass.enter(name, async () => {
        if (pass.done(name)) return;
        const left = await deadline(drive, name, milliseconds(duration));
        while (left() > 0) {
          await control.wait(left());
          control.boundary();
        }
        await pass.record(name, undefined);
      }),

    waitFor: (name, event, { within, where }) =>
      pass.enter(name, async () => {
        const before = pass.done(name);
        if (before) return before.result as never;
        const from = waitPosition(journal.entries);
        const left = await deadline(drive, name, milliseconds(within));
        for (;;) {
          const news = await patiently(drive, () => office.bus.since(event, drive.name.key, from));
          const match = news.find((item) => where?.(item.event.data) ?? true);
          if (match || left() <= 0) {
            await pass.record(name, match?.event.data as Json | undefined, match?.position);
            return match?.event.data;
          }
          await control.wait(left());
          control.boundary();
        }
      }),

    approve: (name, options) => pass.enter(name, () => approveStep(pass, name, { ...options, withinMs: milliseconds(options.within) })),

    emit: (name, event, data) =>
      pass.enter(name, async () => {
        if (pass.done(name)) return;
        if (event.intends && drive.spec.acts.length > 0 && event.key(data) === drive.name.key) {
          throw new LightsoutError("LO_EMIT_SELF", `step "${name}" emits ${event.type} for ${drive.name.key}, the machine this run holds`, {
            hint: "Act on it in this run, or emit it for another machine",
          });
        }
        const source = `lightsout/${office.site}/run/${drive.name.run}`;
        const id = stableId(drive.name.run, name);
        await patiently(drive, () => takeEffect(office, event as EventDefinition, event.key(data), data, { id, by: source }));
        await patiently(drive, () => office.bus.publish(event, data, { id, source }));
        await pass.record(name, undefined);
      }),
  };
}

/** A run that acts sets nothing in the world that its guards would not let it act on: a cordon under `observe` is not nothing. */
async function oblige(drive: Drive, step: string, leaves: Obligation): Promise<void> {
  await allowed(drive, step, `before ${leaves.kind}`);
  await drive.journal.append({ is: "obliged", obligation: leaves });
}

/** Waits until every guard allows the first thing that the function would do. */
async function allowed(drive: Drive, step: string, seen: string): Promise<void> {
  const [verb] = drive.spec.acts;
  const act = verb && { machine: drive.name.key, verb };
  while (act && !(await judge(drive, step, act, { is: "not-done", seen }))) drive.control.boundary();
}

/** How often the guards are asked while guarded work goes on. */
const guardEveryMs = 5000;

/** Work that is stopped when a guard no longer allows it, and begun again when all do. */
async function underGuard<Result>(drive: Drive, step: string, work: (halt: AbortSignal) => Promise<Result>): Promise<Result> {
  const { clock } = drive.office;
  for (;;) {
    await allowed(drive, step, "before the work");
    const halt = new AbortController();
    const done = new AbortController();
    const watching = (async () => {
      while (!done.signal.aborted) {
        await clock.sleep(guardEveryMs, done.signal).catch(() => undefined);
        if (!done.signal.aborted && (await wouldHold(drive, step)))
          return halt.abort(new LightsoutError("LO_HELD", "a guard holds it back"));
      }
    })();
    try {
      return await work(halt.signal);
    } catch (error) {
      if (!halt.signal.aborted) throw error;
    } finally {
      done.abort();
      await watching;
    }
  }
}

/** Journals a wait's deadline once and answers what is left of it; a resumed run keeps the deadline it had. */
async function deadline(drive: Drive, step: string, withinMs: number): Promise<() => number> {
  const { journal, office } = drive;
  const waiting = journal.entries.find((entry) => entry.is === "waiting" && entry.step === step && entry.until !== undefined);
  let until = waiting?.is === "waiting" ? waiting.until : undefined;
  if (until === undefined) {
    until = office.clock.now() + withinMs;
    await journal.append({ is: "waiting", step, reason: step, until });
  }
  drive.show({ status: "waiting", reason: step, step, nextWake: until });
  // Another worker's wall clock may be minutes away: never wait longer than was asked for.
  const end = office.clock.mono() + Math.min(Math.max(0, until - office.clock.now()), withinMs);
  return () => end - office.clock.mono();
}

/** One probe: an error is "not yet". */
async function look<Result>(drive: Drive, probe: (signal: AbortSignal) => Promise<Result>, timeoutMs: number): Promise<Result | undefined> {
  try {
    return await drive.office.slots.with(drive.spec.on.lane, () => limited(drive, timeoutMs, probe));
  } catch (error) {
    if (error instanceof DriveEnd || error instanceof RunLostError) throw error;
    return undefined;
  }
}

/** Runs `work` up to `attempts` times; failures are journaled and count across restarts. */
async function attempted<Result>(
  drive: Drive,
  step: string,
  work: (signal: AbortSignal) => Promise<Result> | Result,
  how: { attempts: number; timeoutMs: number; marks: boolean; halt: AbortSignal | undefined },
): Promise<Result> {
  const { attempts, timeoutMs, marks, halt } = how;
  const { journal, office, control } = drive;
  let failed = journal.entries.filter((entry) => entry.is === "failed" && entry.step === step).length;
  for (;;) {
    control.boundary();
    try {
      return await office.slots.with(drive.spec.on.lane, async () => {
        if (marks) await asOwner(drive);
        return limited(drive, timeoutMs, async (signal) => work(halt ? AbortSignal.any([signal, halt]) : signal));
      });
    } catch (error) {
      control.boundary();
      if (halt?.aborted) throw error;
      const final = error instanceof TerminalError || error instanceof RefusedError || error instanceof DeniedError;
      if (error instanceof DriveEnd || error instanceof RunLostError || final) throw error;
      failed += 1;
      await journal.append({ is: "failed", step, attempt: failed, error: explain(error) });
      if (failed >= attempts) throw error;
      const pause = Math.min(1000 * 2 ** (failed - 1), 30_000);
      drive.show({ status: "waiting", reason: `${step}: ${explain(error)}; trying again`, step, nextWake: office.clock.now() + pause });
      const again = office.clock.mono() + pause;
      while (office.clock.mono() < again) {
        await control.wait(again - office.clock.mono());
        control.boundary();
      }
    }
  }
}

/** Resolves where the run was ours a moment ago: a worker that was frozen must not set or clear a mark that its successor has dealt with. */
async function asOwner(drive: Drive): Promise<void> {
  const { journal, name, office } = drive;
  const { clock } = office;
  for (;;) {
    let asked = { mono: 0, wall: 0 };
    const ours = await patiently(drive, () => {
      asked = { mono: clock.mono(), wall: clock.now() };
      return journal.stillOurs();
    });
    if (!ours) throw new RunLostError(name.run);
    if (Math.max(clock.mono() - asked.mono, clock.now() - asked.wall) < gateDeadlineMs) return;
  }
}

/** Runs `work` with a signal that aborts after `ms` or when the run must let go; rejects then even if `work` does not listen. */
export async function limited<Result>(drive: Drive, ms: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const timer = new AbortController();
  const over = new AbortController();
  const signal = AbortSignal.any([drive.control.signal, over.signal]);
  const timeout = drive.office.clock.sleep(ms, timer.signal).then(
    () => {
      const error = new LightsoutError("LO_STEP_TIMEOUT", `no result in ${Math.round(ms / 1000)} s`);
      over.abort(error);
      throw error;
    },
    () => new Promise<never>(() => undefined),
  );
  try {
    return await Promise.race([work(signal), timeout]);
  } finally {
    timer.abort();
  }
}

/** Asks the store until it answers: a store that is away delays a run and fails nothing. */
export async function patiently<Result>(drive: Drive, ask: () => Promise<Result>): Promise<Result> {
  for (let attempt = 0; ; attempt += 1) {
    drive.control.boundary();
    try {
      return await ask();
    } catch (error) {
      if (error instanceof LightsoutError && error.code === "LO_EVENT_INVALID") throw error;
      const pause = Math.min(200 * 2 ** attempt, 5000);
      drive.show({
        status: "waiting",
        reason: `the event store does not answer: ${explain(error)}`,
        nextWake: drive.office.clock.now() + pause,
      });
      await drive.control.wait(pause);
    }
  }
}
