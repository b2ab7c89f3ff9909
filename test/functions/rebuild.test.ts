import { expect, test } from "vitest";
import rebuild from "#functions/rebuild.ts";
import { type Rig, startRig } from "./rig.ts";

const controlPlanes = ["cp-01", "cp-02", "cp-03"].map((name) => ({ name, role: "control-plane" as const }));
const workers = ["gpu-01", "gpu-02", "gpu-03"];

const site = async (options: Partial<Parameters<typeof startRig>[0]> = {}): Promise<Rig> => {
  const rig = await startRig({ machines: [...controlPlanes, ...workers], etcd: true, functions: [rebuild], ...options });
  await rig.clock.sleep(60_000);
  return rig;
};

test("a worker is wiped and installed anew, proven and back in service", async () => {
  const rig = await site();
  const run = await rig.say("rebuild-requested", { machine: "gpu-02" });
  await rig.answer(run, true);
  const status = await rig.ended(run);
  console.log((await rig.lines(run)).join("\n"));
  expect(status).toBe("ok");
  console.log(rig.world.machine("gpu-02").did, rig.world.violations());
});
