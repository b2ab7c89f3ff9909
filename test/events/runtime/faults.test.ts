import { expect, test } from "vitest";
import { type CloudEvent, openObligations, type RunSummary } from "#events";
import { isParked } from "#events/runtime/drive.ts";
import { createDice } from "#test/fuzz/mutate.ts";
import { createRig, type Life, storeThrough } from "./rig.ts";
import { pressed, toyFunction, turn } from "./toy.ts";

/** Workers come and go, stand still and lose answers of their store, by the dice; then it is calm for three minutes. */
async function storm(seed: number) {
  const dice = createDice(seed);
  let calm = false;
  const rig = createRig({
    wrap: (store, clock) =>
      storeThrough(store, async (call, _, work) => {
        const fault = calm || call.endsWith("leases") ? 9 : dice(16);
        if (fault === 0) throw new Error("not written");
        if (fault === 1) {
          await work();
          throw new Error("no answer");
        }
        if (fault === 2) await clock.sleep(dice(20_000));
        return work();
      }),
  });
  const quick = toyFunction(async ({ step }) => void (await step.run("one", () => 1)), { id: "quick", acts: [] });
  const slow = toyFunction(
    async ({ step }) => {
      await step.run("work", () => rig.clock.sleep(2000));
      await step.sleep("nap", "30s");
    },
    { id: "slow", acts: [] },
  );
  const off = toyFunction(async ({ step, ports }) => void (await step.act("off", turn(ports.box, "off"))), { id: "off" });
  const specs = [quick, slow, off];
  let lives: Life[] = [];
  const spawn = async () => {
    const starting = rig.spawn({ functions: specs }).then((life) => lives.push(life));
    await Promise.race([starting.catch(() => undefined), rig.clock.sleep(2000)]);
  };
  const strike = async () => {
    const victim = lives[dice(lives.length)];
    const way = dice(4);
    if (!victim || way === 0) return spawn();
    if (way === 1) {
      victim.freeze();
      void rig.clock.sleep(dice(60_000)).then(victim.thaw);
      return;
    }
    lives = lives.filter((life) => life !== victim);
    if (way === 2) victim.kill();
    else await Promise.race([victim.worker.stop(), rig.clock.sleep(30_000)]).then(victim.kill);
  };

  const ids: string[] = [];
  await spawn();
  await spawn();
  for (let round = 0; round < 16; round += 1) {
    ids.push(await rig.send(pressed, { machine: "box" }));
    await rig.clock.sleep(dice(4000));
    await strike();
    if (lives.length === 0) await spawn();
  }
  calm = true;
  await rig.spawn({ functions: specs });
  await rig.clock.sleep(180_000);
  return { rig, specs, ids };
}

const seeds = Array.from({ length: Number(process.env.FAULT_SEEDS ?? 40) }, (_, seed) => seed);
test.each(seeds)("whatever the store and the workers do, every run ends once or waits for a person (seed %i)", async (seed) => {
  const { rig, specs, ids } = await storm(seed);
  const index = new Map((await rig.store.kv.list("runs")).map(({ key, value }) => [key, (value as unknown as RunSummary).status]));
  const ends = (await rig.store.log.read("events", "std.run-finished.>")).map(({ data }) => data as unknown as CloudEvent<{ run: string }>);
  // A run that waits for a person keeps its machine, and others wait for that.
  const statuses = [...index.values()];
  for (const spec of specs) {
    for (const id of ids) {
      const run = rig.run(spec, id);
      const entries = await rig.entries(spec, id);
      const finished = entries.filter(({ is }) => is === "finished").length;
      // An end that is told again, after the store forgot its id, is the same event and starts nothing.
      const told = new Set(ends.filter(({ data }) => data.run === run).map((end) => end.id)).size;
      const seen = { finished, told, status: index.get(run), open: openObligations(entries).length };
      const still = isParked(entries)
        ? "parked"
        : statuses.includes("parked") && spec.id === "off" && finished === 0
          ? "waiting"
          : undefined;
      const wanted = { finished: still ? 0 : 1, told: still ? 0 : 1, status: still ?? "finished", open: 0 };
      expect(seen, `${run}\n${(await rig.lines(spec, id)).join("\n")}`).toEqual(wanted);
      expect(entries.filter(({ is }) => is === "started")).toHaveLength(1);
    }
  }
});
