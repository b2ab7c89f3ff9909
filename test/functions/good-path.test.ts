import { expect, test } from "vitest";
import { seenToGo, startRig, untouched } from "./rig.ts";

const rack = ["gpu-01", "gpu-02", "gpu-03"];

test("node-lost: fenced, brought back, proven", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, gpus: 2 })) });
  const box = rig.world.machine("gpu-02");
  box.pods = [
    { name: "train-0", owner: "StatefulSet/train" },
    { name: "cilium-x", daemonSet: true },
  ];
  box.volumes = ["pvc-1"];
  box.hang();
  await rig.clock.sleep(60_000);
  await seenToGo(rig);
  const run = await rig.say("node-lost", { machine: "gpu-02" }, { origin: "external" });
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toMatchInlineSnapshot(`
    [
      "started node-lost for gpu-02",
      "waiting "give it a chance to return"",
      "done "give it a chance to return"",
      "waiting "nothing on it answers"",
      "done "nothing on it answers" {"is":"lost","why":"Node Unknown; kubelet, Talos and firmware silent (idle)"}",
      "done "collect evidence" {"state":"On","firmware":"idle","watts":180,"log":[],"pods":["default/train-0"],"bootID":"gpu-02-boot-1"}",
      "done "note its boot id" "gpu-02-boot-1"",
      "done "note what it runs" "Talos (v1.13.9)"",
      "obliged cordon",
      "intent "cordon" cordon #1",
      "outcome "cordon" done: unschedulable",
      "done "note which other nodes serve" ["gpu-01","gpu-03"]",
      "intent "power off" force-off #1",
      "outcome "power off" done: power Off",
      "done "note their leases" {"gpu-01":"renewal 9","gpu-03":"renewal 9"}",
      "waiting "let it be off for a moment"",
      "done "let it be off for a moment"",
      "done "read Off a second time"",
      "waiting "every other node still renews its lease"",
      "done "every other node still renews its lease" true",
      "obliged out-of-service-taint",
      "intent "taint it out of service" taint-out-of-service #1",
      "outcome "taint it out of service" done: tainted",
      "waiting "its pods and volumes are gone"",
      "done "its pods and volumes are gone" "gone"",
      "intent "power on" power-on #1",
      "outcome "power on" done: power On",
      "waiting "a new boot id"",
      "done "a new boot id" {"bootID":"gpu-02-boot-2"}",
      "cleared out-of-service-taint",
      "done "untaint"",
      "waiting "Node Ready and GPUs allocatable"",
      "done "Node Ready and GPUs allocatable" {"ready":true,"gpus":2}",
      "done "what it runs now" "Talos (v1.13.9)"",
      "cleared cordon",
      "done "uncordon" "ours"",
      "done "report"",
      "finished ok",
    ]
  `);
  expect(box.writes.map((write) => write.verb)).toEqual(["force-off", "power-on"]);
  expect(box.did).toEqual({ ...untouched, on: 1, off: 1, cordon: 1, uncordon: 1, taint: 1, untaint: 1 });
  expect(await rig.office.ledger.of("gpu-02")).toEqual({ machine: "gpu-02", turn: run });
  expect(rig.world.violations()).toEqual([]);
});

test("power-off: out of service, drained, shut down", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.pods = [{ name: "web-0", owner: "ReplicaSet/web" }];
  const run = await rig.say("power-off-requested", { machine: "gpu-02", reason: "new fans" });
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toMatchInlineSnapshot(`
    [
      "started power-off for gpu-02",
      "done "see that its BMC answers" "on"",
      "done "find its Node" "gpu-02"",
      "obliged cordon",
      "intent "cordon" cordon #1",
      "outcome "cordon" done: unschedulable",
      "done "drain" {"left":[],"evicted":1}",
      "done "who can ask it to shut down" "Talos"",
      "intent "power off" os-shutdown #1",
      "outcome "power off" done: power Off",
      "finished ok",
    ]
  `);
  expect(box.power()).toBe("off");
  expect(box.node.unschedulable).toBe(true);
  const ledger = await rig.office.ledger.of("gpu-02");
  expect(ledger).toMatchObject({ want: "off", why: "new fans", by: "alice", left: { run, obligations: [{ kind: "cordon" }] } });
  expect(ledger.quarantine).toBeUndefined();
});

test("power-on: on, proven, and the cordon that the power-off left is taken back", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  await rig.ended(await rig.say("power-off-requested", { machine: "gpu-02" }));
  const run = await rig.say("power-on-requested", { machine: "gpu-02" });
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toMatchInlineSnapshot(`
    [
      "started power-on for gpu-02",
      "inherited cordon",
      "done "note its boot id" "gpu-02-boot-1"",
      "done "note what it runs" "Talos (v1.13.9)"",
      "intent "power on" power-on #1",
      "outcome "power on" done: power On",
      "waiting "the cluster's API answers"",
      "done "the cluster's API answers" true",
      "waiting "a new boot id"",
      "done "a new boot id" {"bootID":"gpu-02-boot-2"}",
      "done "untaint"",
      "waiting "Node Ready and GPUs allocatable"",
      "done "Node Ready and GPUs allocatable" {"ready":true,"gpus":0}",
      "done "what it runs now" "Talos (v1.13.9)"",
      "cleared cordon",
      "done "uncordon" "ours"",
      "finished ok",
    ]
  `);
  expect(box.up() && box.isReady() && !box.node.unschedulable).toBe(true);
  const ledger = await rig.office.ledger.of("gpu-02");
  expect(ledger).toMatchObject({ want: "on" });
  expect(ledger.left).toBeUndefined();
});

test("power-cycle: off, confirmed, on, confirmed", async () => {
  const rig = await startRig({ machines: rack });
  const box = rig.world.machine("gpu-02");
  box.pods = [{ name: "web-0", owner: "ReplicaSet/web" }];
  const run = await rig.say("power-cycle", { machine: "gpu-02" });
  expect(await rig.ended(run)).toBe("ok");
  expect(await rig.lines(run)).toMatchInlineSnapshot(`
    [
      "started power-cycle for gpu-02",
      "done "see that its BMC answers" "on"",
      "done "find its Node" "gpu-02"",
      "obliged cordon",
      "intent "cordon" cordon #1",
      "outcome "cordon" done: unschedulable",
      "done "drain" {"left":[],"evicted":1}",
      "done "note its boot id" "gpu-02-boot-1"",
      "done "note what it runs" "Talos (v1.13.9)"",
      "done "who can ask it to shut down" "Talos"",
      "intent "power off" os-shutdown #1",
      "outcome "power off" done: power Off",
      "intent "power on" power-on #1",
      "outcome "power on" done: power On",
      "waiting "a new boot id"",
      "done "a new boot id" {"bootID":"gpu-02-boot-2"}",
      "done "untaint"",
      "waiting "Node Ready and GPUs allocatable"",
      "done "Node Ready and GPUs allocatable" {"ready":true,"gpus":0}",
      "done "what it runs now" "Talos (v1.13.9)"",
      "cleared cordon",
      "done "uncordon" "ours"",
      "finished ok",
    ]
  `);
  expect(box.writes.map((write) => write.verb)).toEqual(["power-on"]);
  expect(box.did).toMatchObject({ shutdown: 1, on: 1, off: 1, cordon: 1, uncordon: 1, drain: 1 });
});
