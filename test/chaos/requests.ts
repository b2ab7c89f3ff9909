import type { Dice } from "#test/fuzz/mutate.ts";
import { names } from "./site.ts";

type Request = (machine: string, number: number) => { readonly type: string; readonly data: object };

/** What is over soon, or shows soon what came of it. */
const quick: readonly Request[] = [
  (machine) => ({ type: "power-cycle", data: { machine, hard: true } }),
  (machine) => ({ type: "power-cycle", data: { machine, hard: true } }),
  (machine) => ({ type: "power-off-requested", data: { machine, hard: true } }),
  (machine) => ({ type: "power-on-requested", data: { machine } }),
];

/** What is asked of an operating system: cut off in the middle, it is given many minutes to show. */
const slow: readonly Request[] = [
  (machine) => ({ type: "power-cycle", data: { machine } }),
  (machine) => ({ type: "power-off-requested", data: { machine } }),
  (machine) => ({ type: "drill-requested", data: { machine } }),
  // The number rises, so that an upgrade always has somewhere to go.
  (machine, number) => ({ type: "upgrade-requested", data: { machine, version: `v1.14.${number}` } }),
];

const mixes = { quick, mixed: [...quick, ...slow] } as const;

/** Which functions chaos is made of: those of power alone, or all that have acts of their own. */
export type Mix = keyof typeof mixes;

/** The next request for any machine; its `number` is its own. */
export function nextRequest(dice: Dice, mix: Mix, seed: number, number: number): object {
  const machine = names[dice(names.length)] as string;
  return { id: `chaos-${seed}-${number}`, ...mixes[mix][dice(mixes[mix].length)]?.(machine, number) };
}
