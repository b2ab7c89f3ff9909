/** How many snapshots stay: the newest, and the newest of each of the last days and weeks that have one. */
export interface Keep {
  readonly last: number;
  readonly daily: number;
  readonly weekly: number;
}

const dayMs = 86_400_000;
/** Days since the epoch, and weeks that begin on Monday (1970-01-01 was a Thursday), both in UTC. */
const dayOf = (at: number) => Math.floor(at / dayMs);
const weekOf = (at: number) => Math.floor((dayOf(at) + 3) / 7);

/** The snapshots that the retention does not keep, oldest first. The newest always stays. */
export function expired<One extends { readonly at: number }>(all: readonly One[], keep: Keep): One[] {
  const newestFirst = all.toSorted((a, b) => b.at - a.at);
  const stays = new Set(newestFirst.slice(0, Math.max(1, keep.last)));
  for (const [count, periodOf] of [[keep.daily, dayOf] as const, [keep.weekly, weekOf] as const]) {
    const periods = new Set<number>();
    for (const one of newestFirst) {
      const period = periodOf(one.at);
      if (periods.has(period) || periods.size >= count) continue;
      periods.add(period);
      stays.add(one);
    }
  }
  return newestFirst.filter((one) => !stays.has(one)).reverse();
}
