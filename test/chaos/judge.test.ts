import { expect, test } from "vitest";
import type { Entry, Fact } from "#events";
import { account, type Told } from "./judge.ts";

const entry = (fact: Fact): Entry => ({ ...fact, v: 1, id: "e", by: "w", at: 0 });
const act = (attempt: number, result?: Extract<Entry, { is: "outcome" }>["result"]): Entry[] => [
  entry({ is: "intent", step: "off", attempt, machine: "m", verb: "force-off", settleMs: 1, before: "on", verdicts: [] }),
  ...(result ? [entry({ is: "outcome", step: "off", attempt, result, seen: "power off", position: 1 })] : []),
];
const told = (journal: Entry[], more: Partial<Told> = {}): Told => ({
  run: "r",
  key: "m",
  status: "finished",
  reason: "ok",
  journal,
  ...more,
});
const judged = (run: Told, off: number, promised = ["r"]) => {
  const said: string[] = [];
  const asked = { rounds: 1, events: 1, runs: new Set(promised), say: (line: string) => void said.push(line) };
  const { lost, doubled, parked, stuck } = account([run], new Map([["m", { off }]]), asked);
  return { lost, doubled, parked, stuck, said };
};
const well = { lost: 0, doubled: 0, parked: 0, stuck: 0, said: [] };

test("a machine that went off as often as its runs meant it is nothing to speak of", () => {
  expect(judged(told(act(1, "done")), 1)).toEqual(well);
  expect(judged(told([...act(1, "not-done"), ...act(2, "done")]), 1)).toEqual(well);
  expect(judged(told(act(1)), 0)).toEqual(well);
});

test("an effect that no act stands for is doubled", () => {
  expect(judged(told(act(1, "done")), 2)).toMatchObject({ doubled: 1, said: [expect.stringContaining("m saw off 2 times")] });
  expect(judged(told(act(1, "not-done")), 1)).toMatchObject({ doubled: 1 });
});

test("a step that was carried out twice is doubled, whatever the machine says", () => {
  expect(judged(told([...act(1, "done"), ...act(2, "done")]), 2)).toMatchObject({ doubled: 1, said: [expect.stringContaining("twice")] });
});

test("a run that was promised and is not there is lost", () => {
  expect(judged(told([]), 0, ["r", "gone"])).toMatchObject({ lost: 1, said: [expect.stringContaining("run gone")] });
});

test("a run that has not ended is stuck, and so is one that does not say why", () => {
  expect(judged(told([], { status: "waiting", reason: "the store" }), 0)).toMatchObject({ stuck: 1 });
  expect(judged(told([], { status: "parked", reason: "" }), 0)).toMatchObject({ stuck: 1 });
  const parked = (reason: string) => [entry({ is: "parked", step: "off", reason, undo: ["lightsout power on m"], position: 1 })];
  expect(judged(told(parked("")), 0)).toMatchObject({ parked: 1, stuck: 1 });
  expect(judged(told(parked("nobody can tell"), { status: "parked", reason: "nobody can tell" }), 0)).toEqual({ ...well, parked: 1 });
});
