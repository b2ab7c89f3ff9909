import type { Lane } from "../define-event.ts";

/** How many runs work at the same moment. Waiting takes no slot; operators' runs never queue behind others. */
export interface Slots {
  with<Result>(lane: Lane, work: () => Promise<Result>): Promise<Result>;
}

export function createSlots(count: number): Slots {
  let free = count;
  const queue: (() => void)[] = [];
  return {
    async with(lane, work) {
      if (lane === "op") return work();
      if (free > 0) free -= 1;
      else await new Promise<void>((resolve) => queue.push(resolve));
      try {
        return await work();
      } finally {
        const next = queue.shift();
        if (next) next();
        else free += 1;
      }
    },
  };
}
