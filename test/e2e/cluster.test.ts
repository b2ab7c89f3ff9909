import { describe, test } from "vitest";
import type { RackMachine } from "#test/lab/rack.ts";
import { backInService, recovered, smallRack, startScene, untouched } from "./lab.ts";

const looking = "nothing on it answers";

describe.concurrent("what only looks like a lost machine, and what makes a return slow", { timeout: 300_000 }, () => {
  test("a POST that takes minutes is waited for", async (context) => {
    const scene = await startScene(context, { machines: smallRack("dell", { faults: { longPostMs: 90_000 } }) });
    scene.host("gpu").faults.hang = true;
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });

  test("a return that is overdue is never cycled again: a person is asked", async (context) => {
    const scene = await startScene(context, { machines: smallRack("dell", { faults: { longPostMs: 400_000 } }), scale: 15 });
    scene.host("gpu").faults.hang = true;
    const { last } = await scene.ended("gpu");
    context.expect(last).toMatchObject({ status: "failed", reason: context.expect.stringContaining("It is not cycled again") });
    context.expect(scene.counts("gpu")).toEqual({ off: 1, on: 1, reset: 0 });
    const why = await scene.call<{ answer: string }>("GET", "/v1/machines/gpu/why");
    context.expect(why.answer).toContain("quarantined");
  });

  test("GPUs that do not come up keep it cordoned", async (context) => {
    const scene = await startScene(context, { machines: smallRack("dell"), scale: 15 });
    scene.host("gpu").faults.missingGpus = 1;
    scene.host("gpu").faults.hang = true;
    const { last } = await scene.ended("gpu");
    context.expect(last).toMatchObject({ status: "failed", reason: context.expect.stringContaining("not Ready with 2 GPUs") });
    context.expect({ ...scene.counts("gpu"), cordoned: scene.cordoned("gpu"), tainted: scene.tainted("gpu") }).toEqual({
      off: 1,
      on: 1,
      reset: 0,
      cordoned: true,
      tainted: false,
    });
  });

  test("a firmware update is let run to its end", async (context) => {
    const scene = await startScene(context, { machines: smallRack("dell", { faults: { firmwareUpdate: true } }) });
    scene.host("gpu").faults.hang = true;
    await scene.until("the run looks", async () =>
      (await scene.run("gpu"))?.journal.some((entry) => entry.is === "waiting" && entry.step === looking),
    );
    await scene.sleep(60_000);
    context.expect(scene.counts("gpu")).toEqual(untouched);
    scene.host("gpu").faults.firmwareUpdate = false;
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });

  test("a device plugin that does not tolerate the taint: untainted before its GPUs are waited for", async (context) => {
    const scene = await startScene(context);
    scene.rack.kube.addPod({ name: "nvidia-device-plugin", node: "gpu", owner: "DaemonSet" });
    scene.host("gpu").faults.hang = true;
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
    const journal = (await scene.run("gpu"))?.journal ?? [];
    const steps = journal.flatMap((entry) => (entry.is === "done" ? [entry.step] : []));
    // The lab's plugin offers no GPU while it is evicted: waiting for them first would wait in vain.
    context.expect(steps.indexOf("untaint")).toBeLessThan(steps.indexOf("Node Ready and GPUs allocatable"));
  });

  test("an API that is away says nothing about nodes; back again, every grace begins anew", async (context) => {
    const scene = await startScene(context);
    await scene.rack.kube.mode("refused");
    await scene.sleep(10_000);
    scene.host("gpu").faults.hang = true;
    await scene.sleep(80_000);
    context.expect(await scene.lightsout.worker.runs.all()).toEqual([]);
    context.expect(await scene.lightsout.worker.office.incidents.all()).toEqual([]);
    context.expect(await scene.call("GET", "/healthz")).toMatchObject({ runs: { working: 0, parked: 0 } });
    const back = scene.rack.clock.now();
    await scene.rack.kube.mode("ok");
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
    const incidents = await scene.lightsout.worker.office.incidents.all();
    context.expect(incidents.map(({ machine, openedAt }) => [machine, openedAt - back >= 15_000])).toEqual([["gpu", true]]);
  });

  test("an API that goes away in the middle of a recovery: it waits, and goes on", async (context) => {
    const scene = await startScene(context);
    scene.host("gpu").faults.hang = true;
    await scene.until("it is off", () => scene.counts("gpu").off === 1);
    await scene.rack.kube.mode("refused");
    await scene.sleep(30_000);
    context.expect(scene.tainted("gpu")).toBe(false);
    await scene.rack.kube.mode("ok");
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });

  test("half the rack gone at once is the network: nothing is powered, and it says so", async (context) => {
    const names = ["gpu", "gpu-b", "gpu-c", "d", "e", "f"];
    const machines = names.map(
      (name): RackMachine => ({ name, bmc: name.startsWith("gpu") ? "dell" : "none", model: "Box1", bootMs: 15_000 }),
    );
    const scene = await startScene(context, { machines });
    for (const name of names.slice(0, 3)) scene.host(name).faults.hang = true;
    for (const name of names.slice(0, 3)) {
      await scene.until("the run says that it is a storm", async () =>
        (await scene.run(name))?.summary.reason.includes("suspect the network"),
      );
    }
    await scene.sleep(60_000);
    for (const name of names) context.expect(scene.counts(name)).toEqual(untouched);
    for (const name of names.slice(0, 3)) context.expect(scene.tainted(name)).toBe(false);
    const [row] = (await scene.call<{ machines: { incident?: string }[] }>("GET", "/v1/machines")).machines;
    context.expect(row?.incident).toContain("Unknown");
  });

  test("two machines that have traded their Node names: neither is powered", async (context) => {
    const machines = smallRack("dell").map((machine): RackMachine => (machine.name === "other-1" ? { ...machine, bmc: "hpe" } : machine));
    const scene = await startScene(context, { machines });
    scene.rack.kube.swap("gpu", "other-1");
    await scene.until("the Node runs on the other box", () => {
      return scene.rack.kube.node("gpu").status.nodeInfo.systemUUID === scene.host("other-1").identity.uuid;
    });
    await scene.call("POST", "/v1/machines/gpu/power", { action: "cycle", hard: true });
    const { last } = await scene.ended("gpu", "power-cycle");
    context.expect(last).toMatchObject({ status: "refused", reason: context.expect.stringContaining("names are swapped") });
    context.expect(scene.counts("gpu")).toEqual(untouched);
    context.expect(scene.counts("other-1")).toEqual(untouched);
    const { machines: rows } = await scene.call<{ machines: { name: string; identity: string }[] }>("GET", "/v1/machines");
    context.expect(rows.find(({ name }) => name === "gpu")?.identity).toBe("contradicts");
  });

  test("a node whose kubelet still answers is not lost, whatever the API says", async (context) => {
    const scene = await startScene(context);
    scene.rack.kube.partition("gpu", true);
    await scene.until("the run looks", async () =>
      (await scene.run("gpu"))?.journal.some((entry) => entry.is === "waiting" && entry.step === looking),
    );
    await scene.sleep(60_000);
    scene.rack.kube.partition("gpu", false);
    context.expect((await scene.ended("gpu")).last).toMatchObject({ status: "ok" });
    context.expect(scene.counts("gpu")).toEqual(untouched);
    context.expect(scene.cordoned("gpu")).toBe(false);
  });

  test("Lightsout restarted in the middle of a recovery goes on where it was", async (context) => {
    const scene = await startScene(context);
    scene.host("gpu").faults.hang = true;
    await scene.until("the power is being cut", () => scene.host("gpu").power() === "powering-off");
    await scene.restart();
    await scene.until("it is on again", () => scene.counts("gpu").on === 1);
    await scene.restart();
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });
});
