import { expect, test } from "vitest";
import { lastOf, rack, startRig, untouched } from "./rig.ts";

test("control plane refused, but switching one on is always allowed", async () => {
  const rig = await startRig({ machines: [...rack, { name: "cp-01", role: "control-plane" }] });
  const box = rig.world.machine("cp-01");
  for (const [type, data] of [
    ["power-off-requested", { machine: "cp-01" }],
    ["power-cycle", { machine: "cp-01", hard: true }],
  ] as const) {
    const run = await rig.say(type, data);
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain("etcd could lose its majority");
  }
  expect(box.did).toEqual(untouched);
  box.press("off");
  expect(await rig.ended(await rig.say("power-on-requested", { machine: "cp-01" }))).toBe("ok");
});

test("self-protection: the machine that carries Lightsout is powered only when an operator names it again", async () => {
  const rig = await startRig({ machines: [...rack, { name: "box-01", carriesLightsout: true }] });
  const box = rig.world.machine("box-01");
  const off = (data: object, origin: "operator" | "external" = "operator") =>
    rig.say("power-off-requested", { machine: "box-01", hard: true, ...data }, { origin });
  expect(await rig.ended(await off({}))).toBe("refused");
  expect(await rig.ended(await off({ confirm: "box-02" }))).toBe("refused");
  expect(await rig.ended(await off({ confirm: "box-01" }, "external"))).toBe("refused");
  expect(box.did).toEqual(untouched);
  expect(await rig.ended(await off({ confirm: "box-01" }))).toBe("ok");
});
