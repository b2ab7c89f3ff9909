import { expect, test } from "vitest";
import { createIncidents, createMemoryStore, incidentEventId, nodeLost } from "#events";
import { createRig } from "./rig.ts";
import { toyFunction } from "./toy.ts";

const incidents = () => createIncidents(createMemoryStore());

test("promise 3: an incident is one record from the loss to the proven return", async () => {
  const all = incidents();
  const opened = await all.open("m1", "Ready=Unknown", 1000, { bootID: "boot-1" });
  expect(opened).toMatchObject({ machine: "m1", state: "open", round: 1, openedAt: 1000, bootID: "boot-1" });
  expect(await all.open("m1", "again", 2000)).toEqual(opened);
  await all.close("m1", 3000);
  expect(await all.of("m1")).toEqual({ ...opened, state: "closed", closedAt: 3000 });
  await all.close("m1", 4000);
  expect(await all.of("m1")).toMatchObject({ closedAt: 3000 });
  expect(await all.of("never lost")).toBeUndefined();
});

test("promise 3: rounds and incidents have event ids of their own, and a round's id never changes", async () => {
  const all = incidents();
  const first = await all.open("m1", "lost", 1000);
  const again = await all.nextRound("m1");
  expect(again).toMatchObject({ id: first.id, round: 2 });
  await all.close("m1", 2000);
  expect(await all.nextRound("m1")).toBeUndefined();
  const second = await all.open("m1", "lost", 5000);
  const elsewhere = await all.open("m2", "lost", 1000);
  const ids = [first, again ?? first, second, elsewhere].map(incidentEventId);
  expect(new Set(ids).size).toBe(4);
  expect(incidentEventId({ ...first })).toBe(ids[0]);
});

test("promise 3: watchers that see the same loss open one incident, and racing rounds are all different", async () => {
  const all = incidents();
  const opened = await Promise.all([1, 2, 3].map((now) => all.open("m1", "lost", now)));
  expect(new Set(opened.map((incident) => incident.id)).size).toBe(1);
  const rounds = await Promise.all([1, 2, 3].map(() => all.nextRound("m1")));
  expect(rounds.map((incident) => incident?.round).sort()).toEqual([2, 3, 4]);
});

test("promise 3: an incident outlives its watcher, and the same round told twice starts one run", async () => {
  const rig = createRig();
  const recover = toyFunction(async () => undefined, { on: nodeLost as never, acts: [] });
  const opened = await createIncidents(rig.store).open("box", "lost", 0);
  await rig.spawn({ functions: [recover] });
  for (let teller = 0; teller < 2; teller += 1) {
    const incident = await createIncidents(rig.store).of("box");
    expect(incident).toEqual(opened);
    const id = await rig.send(nodeLost, { machine: "box", incident: opened.id, round: opened.round }, { id: incidentEventId(opened) });
    await rig.untilLine(recover, id, "finished ok");
    await rig.clock.sleep(600_000);
  }
  expect(await rig.store.log.subjects("journal", ">")).toHaveLength(1);
});
