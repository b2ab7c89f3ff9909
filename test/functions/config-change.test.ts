import { expect, test } from "vitest";
import { LightsoutError } from "#events";
import { startRig } from "./rig.ts";

test("a machine that is removed from the configuration under its run: the run ends, names it, and what it set is asked about", async () => {
  const rig = await startRig({ machines: ["gpu-01", "gpu-02", "gpu-03"] });
  const box = rig.world.machine("gpu-02");
  const { inventory } = rig.world.ports;
  const known = inventory.machine.bind(inventory);
  box.pods = [{ name: "web-0", owner: "StatefulSet/web" }];
  const run = await rig.say("power-off-requested", { machine: "gpu-02" });
  await rig.until("it is cordoned", () => box.node.unschedulable);
  Object.assign(inventory, {
    machine(name: string) {
      if (name === "gpu-02") throw new LightsoutError("LO_UNKNOWN_MACHINE", 'No machine is called "gpu-02" in the inventory of site test');
      return known(name);
    },
  });
  expect(["refused", "failed"]).toContain(await rig.ended(run));
  expect((await rig.summary(run))?.reason).toContain("gpu-02");
  expect(box.writes).toEqual([]);
  expect((await rig.office.ledger.of("gpu-02")).quarantine?.reason).toContain('No machine is called "gpu-02"');
});
