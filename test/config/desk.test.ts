import { expect, test } from "vitest";
import { createDesk } from "#config/desk.ts";
import { createRig } from "#test/events/runtime/rig.ts";
import { pressed, toyFunction } from "#test/events/runtime/toy.ts";

/** A desk over one worker that runs a function which acts on nothing and takes its time. */
async function desk() {
  const rig = createRig();
  const nap = toyFunction(
    async ({ step }) => {
      await step.run("nap", () => rig.clock.sleep(600_000), { timeout: "1h" });
    },
    { acts: [] },
  );
  const { worker } = await rig.spawn({ functions: [nap] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(nap, id, "started");
  const rest = { ports: {}, stopFile: () => undefined, arms: undefined, guardsOver: () => [], drills: false, upToDate: () => true };
  const options = { config: { site: "test", drills: {} }, worker, clusterHealth: () => "ok", ...rest };
  return { rig, worker, run: rig.run(nap, id), desk: createDesk(options as unknown as Parameters<typeof createDesk>[0]) };
}

test("a run that began this moment is shown, before it stands in the index", async () => {
  const { desk: shown, worker, run } = await desk();
  expect(await worker.runs.get(run)).toBeUndefined();
  expect(await shown.run(run)).toMatchObject({
    summary: { run, status: "queued", function: "toy", key: "box" },
    journal: [{ is: "started" }],
  });
  const stop = await shown.follow(run, () => undefined);
  await stop();
});

test("one that stands in the index is shown as that says, and found by the beginning of its id; one that never was is not", async () => {
  const { desk: shown, rig, run } = await desk();
  await rig.clock.sleep(1000);
  expect(await shown.run(run.slice(0, 8))).toMatchObject({ summary: { run, status: "running", step: "nap" } });
  expect(await shown.run("0123456789abcdef01234567")).toBeUndefined();
});
