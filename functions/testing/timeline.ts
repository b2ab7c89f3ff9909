import type { Clock } from "#events";

/** What happens in the fake world by itself: in the order of time, and no sooner than somebody looks. */
export interface Timeline {
  /** Milliseconds on the world's monotonic clock; while something happens, the moment at which it does. */
  now(): number;
  /** The same moment on the wall clock, milliseconds since the epoch. */
  date(): number;
  /** Has something happen, so many milliseconds from now. */
  after(ms: number, happen: () => void): void;
  /** Lets happen what is due. Everybody who looks at the world calls it first. Answers the time. */
  catchUp(): number;
}

export function createTimeline(clock: Clock): Timeline {
  /** In the order in which they happen. */
  const due: { readonly at: number; readonly happen: () => void }[] = [];
  let moment: number | undefined;
  const now = () => moment ?? clock.mono();

  return {
    now,
    date: () => clock.now() - clock.mono() + now(),
    after(ms, happen) {
      const at = now() + ms;
      due.splice(due.findLastIndex((one) => one.at <= at) + 1, 0, { at, happen });
    },
    catchUp() {
      if (moment !== undefined) return moment;
      const until = clock.mono();
      for (let [next] = due; next && next.at <= until; [next] = due) {
        due.shift();
        moment = next.at;
        try {
          next.happen();
        } finally {
          moment = undefined;
        }
      }
      return until;
    },
  };
}
