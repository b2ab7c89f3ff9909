import { expect, onTestFinished, test } from "vitest";
import { blank, type Story, tell } from "#config/demo-stories.ts";
import { healthy } from "#config/demo-story.ts";
import { startLab } from "#config/lab.ts";

/** One story of the demo, from its request to its end. */
async function told(story: Story, options: { rollback?: boolean } = {}) {
  const log = { fact: () => undefined, note: () => undefined };
  const lab = await startLab({ log, ...(story === "bootstrap" && { machines: blank }) });
  onTestFinished(() => lab.close());
  if (story !== "bootstrap") await healthy(lab);
  return { lab, result: await tell(story, lab, { say: () => undefined, ...options }) };
}

const timeout = 240_000;

test("an upgrade ends with the new version in a new boot", { timeout }, async () => {
  const { lab, result } = await told("upgrade");
  expect(result).toMatchObject({ ok: true, outcome: "done", reason: "ok" });
  expect(result.evidence).toEqual([
    { machine: "gpu-02", version: "v1.14.0", bootIdChanged: true, ready: true, schedulable: true, gpus: 2 },
  ]);
  expect(result.steps).toContain("install beside what runs");
  expect(result.hardwareMs).toBeGreaterThan(0);
  expect(result.wasteMs).toBeGreaterThan(0);
  expect(lab.rack.host("gpu-02").count).toMatchObject({ off: 0, on: 0 });
});

test("an upgrade that does not start is told as rolled back, and the machine serves with the old version", { timeout }, async () => {
  const { result } = await told("upgrade", { rollback: true });
  expect(result).toMatchObject({ ok: false, outcome: "rolled-back" });
  expect(result.evidence).toEqual([
    { machine: "gpu-02", version: "v1.13.9", bootIdChanged: true, ready: true, schedulable: true, gpus: 2 },
  ]);
});

test("a rebuild wipes a machine, boots it from the network once, and ends with it in service and its arm used up", {
  timeout,
}, async () => {
  const { lab, result } = await told("rebuild");
  expect(result).toMatchObject({ ok: true, outcome: "done" });
  expect(result.evidence).toEqual([
    { machine: "gpu-01", version: "v1.13.9", bootIdChanged: true, ready: true, schedulable: true, gpus: 4 },
  ]);
  expect(result.steps).toEqual(expect.arrayContaining(["arm", "it has fetched its configuration", "end its arm"]));
  expect(await lab.lightsout.ports.netboot.arms.of("gpu-01")).toMatchObject({ state: "consumed" });
});

test("a bootstrap makes a cluster of machines that are off, and begins etcd once", { timeout }, async () => {
  const { lab, result } = await told("bootstrap");
  expect(result).toMatchObject({ ok: true, outcome: "done" });
  expect(result.evidence.map(({ machine }) => machine)).toEqual(blank.map(({ name }) => name));
  expect(lab.rack.etcd.members.map(({ name }) => name).toSorted()).toEqual(["cp-01", "cp-02", "cp-03"]);
  const begun = (await lab.lightsout.worker.runs.all()).filter((run) => run.function === "etcd-bootstrap");
  expect(begun).toHaveLength(1);
});
