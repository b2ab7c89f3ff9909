import type { Clock } from "#events";

/** Runs something after so many milliseconds, unless it is called off before. */
export type After = (ms: number, run: () => void) => () => void;

/** Waits that are mostly over early, as those for answers are: one sleep of the clock serves them all, whatever number is under way. */
export function createDeadlines(clock: Clock): After {
  const open = new Set<{ readonly at: number; readonly run: () => void }>();
  let armed: { readonly at: number; readonly stop: AbortController } | undefined;

  const arm = (at: number) => {
    armed?.stop.abort("rearmed");
    const mine = { at, stop: new AbortController() };
    armed = mine;
    clock.sleep(at - clock.mono(), mine.stop.signal).then(
      () => armed === mine && fire(),
      () => undefined,
    );
  };
  const fire = () => {
    armed = undefined;
    const now = clock.mono();
    for (const one of [...open]) {
      if (one.at <= now && open.delete(one)) one.run();
    }
    let first = Number.POSITIVE_INFINITY;
    for (const { at } of open) first = Math.min(first, at);
    if (open.size > 0) arm(first);
  };

  return (ms, run) => {
    const one = { at: clock.mono() + ms, run };
    open.add(one);
    if (!armed || one.at < armed.at) arm(one.at);
    return () => {
      open.delete(one);
      if (open.size > 0) return;
      armed?.stop.abort("nothing is waited for");
      armed = undefined;
    };
  };
}
