import { DeniedError, explain, LightsoutError, RefusedError, TerminalError } from "../errors.ts";
import { type Obligation, RunLostError } from "../journal.ts";
import { DriveEnd } from "./control.ts";
import { judge, wouldHold } from "./judge.ts";
import type { Drive } from "./office.ts";
import { gateDeadlineMs } from "./perform.ts";
import { limited, patiently } from "./waits.ts";

/** A run that acts sets nothing in the world that its guards would not let it act on: a cordon under `observe` is not nothing. */
export async function oblige(drive: Drive, step: string, leaves: Obligation): Promise<void> {
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
export async function underGuard<Result>(drive: Drive, step: string, work: (halt: AbortSignal) => Promise<Result>): Promise<Result> {
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

/** Runs `work` up to `attempts` times; failures are journaled and count across restarts. */
export async function attempted<Result>(
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
        return limited(drive, timeoutMs, (signal) => work(halt ? AbortSignal.any([signal, halt]) : signal));
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
