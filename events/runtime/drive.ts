import { runParked } from "../catalogue/run.ts";
import { stableId } from "../define-event.ts";
import { milliseconds } from "../duration.ts";
import { DeniedError, explain, RefusedError } from "../errors.ts";
import { type Entry, isFinished, RunLostError, type RunStatus } from "../journal.ts";
import { claimMachine } from "./claiming.ts";
import { DriveEnd, type End } from "./control.ts";
import { epilogue } from "./finish.ts";
import type { Drive } from "./office.ts";
import { createPass, type Pass } from "./pass.ts";
import type { HandlerContext } from "./spec.ts";
import { createStep } from "./steps.ts";

/** How a drive left its run: ended for good, waiting for a person, or no longer ours. */
export type Left = "finished" | "parked" | "let-go";

/** Drives a run we own as far as it goes now. Never throws. */
export async function driveRun(drive: Drive): Promise<Left> {
  const { office, journal, control, name } = drive;
  try {
    const end = await work(drive);
    if (end.kind === "parked") {
      await announceParked(drive);
      return "parked";
    }
    if (end.kind !== "finish") return "let-go";
    if (!isFinished(journal.entries))
      await journal.append({ is: "finished", status: end.status, ...(end.reason ? { reason: end.reason } : {}) });
    await persist(drive, () => epilogue(office, drive.spec, name, journal.entries));
    const last = journal.entries.at(-1);
    drive.show({
      status: "finished",
      reason: last?.is === "finished" ? `${last.status}${last.reason ? `: ${last.reason}` : ""}` : end.status,
    });
    return "finished";
  } catch (error) {
    if (!(error instanceof RunLostError) && !control.signal.aborted) {
      office.log.note("error", `run ${name.run} was let go: ${explain(error)}`, { run: name.run });
    }
    return "let-go";
  }
}

async function work(drive: Drive): Promise<End> {
  const { journal, control } = drive;
  if (isFinished(journal.entries)) return { kind: "finish", status: "ok", reason: "" };
  if (isParked(journal.entries) && !control.ended) return { kind: "parked" };
  const stopWatching = watchTimeout(drive);
  try {
    await claimMachine(drive);
    for (;;) {
      const end = await passThrough(drive);
      if (end.kind !== "replay") return end;
    }
  } catch (error) {
    return endOf(error);
  } finally {
    stopWatching();
  }
}

/** Runs the handler once from the top. */
async function passThrough(drive: Drive): Promise<End> {
  const { office, spec, event, control } = drive;
  const pass = createPass(drive);
  let end: End;
  try {
    await spec.handler({ event, step: createStep(pass), ports: only(office.ports, spec.uses) } as unknown as HandlerContext);
    end = control.ended?.kind === "stopped" ? control.ended : { kind: "finish", status: "ok", reason: "" };
  } catch (error) {
    end = endOf(error);
  }
  if (pass.open) end = await abandon(pass, pass.open, end);
  return pass.over ? endOf(pass.over) : end;
}

/** Nothing of a run may outlive its end: a step that the handler did not wait for is ended at its next boundary first. */
async function abandon({ drive: { control } }: Pass, open: NonNullable<Pass["open"]>, end: End): Promise<End> {
  const failure: End = { kind: "finish", status: "failed", reason: `step "${open.name}" was begun and not waited for: await every step` };
  control.end(end.kind === "finish" && end.status !== "ok" ? end : failure);
  await open.ended;
  return control.ended ?? end;
}

function endOf(error: unknown): End {
  if (error instanceof DriveEnd) return error.end;
  if (error instanceof RunLostError) throw error;
  const status: RunStatus = error instanceof DeniedError ? "denied" : error instanceof RefusedError ? "refused" : "failed";
  return { kind: "finish", status, reason: explain(error) };
}

const only = (ports: Readonly<Record<string, unknown>>, uses: readonly string[]) =>
  Object.fromEntries(uses.map((use) => [use, ports[use]]));

/** Whether the run waits for a person's word. */
export function isParked(entries: readonly Entry[]): boolean {
  const parked = entries.findLastIndex((entry) => entry.is === "parked");
  return parked !== -1 && !entries.slice(parked).some((entry) => entry.is === "word" || entry.is === "finished");
}

async function announceParked(drive: Drive): Promise<void> {
  const { journal, name, office, spec } = drive;
  const parked = journal.entries.findLast((entry) => entry.is === "parked");
  if (parked?.is !== "parked") return;
  drive.show({ status: "parked", reason: parked.reason, step: parked.step });
  const machine = spec.acts.length > 0 ? { machine: name.key } : {};
  await persist(drive, () =>
    office.bus.publish(
      runParked,
      { run: name.run, function: name.function, ...machine, step: parked.step, reason: parked.reason, undo: [...parked.undo] },
      { id: stableId("parked", name.run, parked.id), source: `lightsout/${office.site}/run/${name.run}` },
    ),
  );
}

/** Like `patiently`, but nothing short of losing the worker ends it: what follows an end must be done. */
async function persist(drive: Drive, work: () => Promise<unknown>): Promise<void> {
  const { clock, log } = drive.office;
  for (let attempt = 0; ; attempt += 1) {
    if (drive.control.signal.aborted) throw new RunLostError(drive.name.run);
    try {
      await work();
      return;
    } catch (error) {
      if (drive.control.stopping) throw new RunLostError(drive.name.run);
      if (attempt === 0)
        log.note("warn", `run ${drive.name.run}: its end cannot be written yet: ${explain(error)}`, { run: drive.name.run });
      await clock.sleep(Math.min(500 * 2 ** attempt, 5000), drive.control.signal).catch(() => undefined);
    }
  }
}

/** Ends the run when its working time is used up. Time spent on people, guards, claims and between workers does not count. */
function watchTimeout({ office: { clock, watch }, spec, journal, control }: Drive): () => void {
  const limit = milliseconds(spec.timeout);
  let used = workedMs(journal.entries);
  let before = clock.mono();
  return watch.join(() => {
    const now = clock.mono();
    // A process that was stopped did not work meanwhile.
    if (!isPaused(journal.entries)) used += Math.min(now - before, 10_000);
    before = now;
    if (used < limit) return;
    const doing = journal.entries.findLast((entry) => "step" in entry);
    const where = doing && "step" in doing ? ` at "${doing.step}"` : "";
    control.end({ kind: "finish", status: "failed", reason: `not finished in ${spec.timeout}${where}` });
  });
}

/** Neither a change of owner nor a guard that asks once more ends a pause. */
function isPaused(entries: readonly Entry[]): boolean {
  const last = entries.findLast((entry) => entry.is !== "fenced" && entry.is !== "judged");
  return last?.is === "asked" || last?.is === "parked" || (last?.is === "waiting" && last.paused === true);
}

/** What earlier workers spent on it, by their own stamps: a gap counts only between two entries of one writer. */
function workedMs(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry, index) => {
    const before = entries[index - 1];
    const counts = before && before.by === entry.by && !isPaused(entries.slice(0, index));
    return counts ? sum + Math.max(0, entry.at - before.at) : sum;
  }, 0);
}
