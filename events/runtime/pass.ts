import { LightsoutError } from "../errors.ts";
import { type Entry, RunLostError } from "../journal.ts";
import type { Json } from "../json.ts";
import { DriveEnd } from "./control.ts";
import type { Drive } from "./office.ts";

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
