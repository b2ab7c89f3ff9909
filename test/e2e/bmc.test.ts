import { describe, test } from "vitest";
import type { RedfishBmc } from "#test/lab/redfish-bmc.ts";
import type { BmcRequest } from "#test/lab/redfish-service.ts";
import { backInService, recovered, type Scene, smallRack, startScene, untouched } from "./lab.ts";

const redfish = (scene: Scene) => scene.rack.bmcs.get("gpu") as RedfishBmc;
const isReset = ({ method, path }: BmcRequest) => method === "POST" && /ComputerSystem\.Reset\/?$/.test(path);

/** Calls `then` at the moment the first power request arrives, before it is carried out. */
function atTheFirstReset(scene: Scene, then: () => "drop" | undefined): void {
  let first = true;
  redfish(scene).intercept = (request) => {
    if (!isReset(request) || !first) return undefined;
    first = false;
    return then();
  };
}

/** Why the power-off of the machine does not go on, once it says so. */
const stuck = (scene: Scene, why: RegExp) =>
  scene.until(`a run held back by ${why}`, async () => {
    const reason = (await scene.run("gpu", "power-off"))?.summary.reason;
    return reason !== undefined && why.test(reason) && reason;
  });

describe.concurrent("BMCs as they are", { timeout: 300_000 }, () => {
  test("one that takes its time to cut the power is waited for, not asked twice", async (context) => {
    const scene = await startScene(context, { machines: smallRack("supermicro", { faults: { slowOffMs: 45_000 } }) });
    scene.host("gpu").faults.hang = true;
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
    context.expect(redfish(scene).requests.filter(isReset)).toHaveLength(2);
  });

  test("one that says Off while the kubelet answers: nothing is tainted", async (context) => {
    const scene = await startScene(context);
    const host = scene.host("gpu");
    host.faults.hang = true;
    atTheFirstReset(scene, () => {
      host.faults.ignores.add("force-off");
      host.faults.liesOff = true;
      host.faults.hang = false;
      scene.rack.kube.partition("gpu", true);
      return undefined;
    });
    const { last } = await scene.ended("gpu");
    context.expect(last).toMatchObject({ is: "finished", status: "refused", reason: context.expect.stringContaining("the BMC lies") });
    context.expect(scene.counts("gpu")).toEqual(untouched);
    context.expect(scene.rack.kube.requests.filter(({ body }) => body.includes("out-of-service"))).toEqual([]);
  });

  test("one that dies with the request parks the run with a card; a person's word lets it go on", async (context) => {
    const scene = await startScene(context);
    const host = scene.host("gpu");
    host.faults.hang = true;
    atTheFirstReset(scene, () => {
      host.faults.bmcDead = true;
      return "drop";
    });
    const parked = await scene.ended("gpu");
    context
      .expect(parked.last)
      .toMatchObject({ is: "parked", step: "power off", undo: context.expect.arrayContaining(["lightsout power on gpu"]) });
    context.expect(await scene.call("GET", "/healthz")).toMatchObject({ runs: { parked: 1 } });
    context.expect(scene.tainted("gpu")).toBe(false);

    host.press("force-off", "a person at the machine");
    await scene.until("the machine is off", () => host.power() === "off");
    host.faults.bmcDead = false;
    await scene.call("POST", `/v1/runs/${parked.summary.run}/resume`, { word: "happened" });
    await scene.until("the run goes on", async () => (await scene.run("gpu"))?.journal.at(-1)?.is !== "parked");
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });

  test("the same, and the person gives it up: the run ends, the machine is left alone", async (context) => {
    const scene = await startScene(context);
    const host = scene.host("gpu");
    host.faults.hang = true;
    atTheFirstReset(scene, () => {
      host.faults.bmcDead = true;
      return "drop";
    });
    const parked = await scene.ended("gpu");
    await scene.call("POST", `/v1/runs/${parked.summary.run}/resume`, { word: "abandon" });
    const { last } = await scene.until("the end", async () => {
      const run = await scene.ended("gpu");
      return run.last.is === "finished" && run;
    });
    context.expect(last).toMatchObject({ status: "cancelled", reason: context.expect.stringContaining("abandoned by local") });
    const why = await scene.call<{ answer: string }>("GET", "/v1/machines/gpu/why");
    context.expect(why.answer).toContain("quarantined");
    context.expect(scene.counts("gpu")).toEqual(untouched);
  });

  test("one in five requests or answers lost: acted once, and back", async (context) => {
    const scene = await startScene(context);
    const { faults } = scene.host("gpu");
    faults.hang = true;
    faults.loss = 0.2;
    const { last, summary } = await scene.ended("gpu");
    const { off, on } = scene.counts("gpu");
    context.expect({ off: off <= 1, on: on <= off }).toEqual({ off: true, on: true });
    faults.loss = 0;
    if (last.is === "parked") {
      const wanted = last.step === "power on" ? "on" : "off";
      const word = last.step === "taint it out of service" ? scene.tainted("gpu") : scene.host("gpu").power() === wanted;
      await scene.call("POST", `/v1/runs/${summary.run}/resume`, { word: word ? "happened" : "did-not-happen" });
      await scene.until("the run goes on", async () => (await scene.run("gpu"))?.journal.at(-1)?.is !== "parked");
    }
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });

  test("one that answers 409 because the power went in that very moment: it is off, and that is enough", async (context) => {
    const scene = await startScene(context, { machines: smallRack("hpe", { faults: { refusesAlready: true } }) });
    const host = scene.host("gpu");
    host.faults.hang = true;
    atTheFirstReset(scene, () => {
      host.mains(false);
      host.mains(true);
      return undefined;
    });
    context.expect(await recovered(scene, "gpu")).toEqual({ ...backInService, off: 0 });
  });

  test("a power loss takes machine and BMC; with its log as evidence the machine is brought back, where its owner allows it", async (context) => {
    const scene = await startScene(context, {
      change: ({ machines }) => Object.assign(machines[0] ?? {}, { foundOff: "power-on" }),
    });
    const host = scene.host("gpu");
    host.mains(false);
    await scene.until("the run looks for signs of life", async () =>
      (await scene.run("gpu"))?.journal.some((entry) => entry.is === "waiting" && entry.step === "nothing on it answers"),
    );
    await scene.sleep(30_000);
    context.expect(scene.counts("gpu")).toEqual(untouched);
    context.expect(scene.tainted("gpu")).toBe(false);
    host.mains(true);
    context.expect(await recovered(scene, "gpu")).toEqual({ ...backInService, off: 0 });
  });

  test("the BMC of another machine is refused by name and not touched", async (context) => {
    const scene = await startScene(context);
    const host = scene.host("gpu");
    host.faults.hang = true;
    host.faults.reports = { uuid: "7a0a8e3e-54a5-4c6e-9be2-0d2c0f6f9d11", serial: "SN-OTHER" };
    const { last } = await scene.ended("gpu");
    context.expect(last).toMatchObject({
      is: "finished",
      status: "refused",
      reason: context.expect.stringContaining("this BMC belongs to another machine"),
    });
    context.expect(scene.counts("gpu")).toEqual(untouched);
    context.expect(redfish(scene).requests.filter(isReset)).toEqual([]);
    context.expect({ cordoned: scene.cordoned("gpu"), tainted: scene.tainted("gpu") }).toEqual({ cordoned: false, tainted: false });
  });

  test("one that suddenly shows another certificate is not talked to", async (context) => {
    const scene = await startScene(context);
    await scene.until("the BMC was talked to", () => redfish(scene).requests.length > 0);
    redfish(scene).changeCertificate();
    const before = redfish(scene).requests.length;
    await scene.call("POST", "/v1/machines/gpu/power", { action: "off", hard: true });
    const reason = await stuck(scene, /certificate/);
    context.expect(reason).toMatch(/certificate changed: pinned [0-9a-f]{64}, seen [0-9a-f]{64}/);
    context.expect(redfish(scene).requests.length).toBe(before);
    context.expect(scene.counts("gpu")).toEqual(untouched);
  });

  test("a wrong password is tried once, however often the machine is looked at", async (context) => {
    const scene = await startScene(context, { env: { LAB_BMC_PASSWORD: "not-the-password" } });
    const logins = () => redfish(scene).requests.filter(({ method, path }) => method === "POST" && /Sessions\/?$/.test(path));
    await scene.until("the BMC was asked", () => logins().length > 0);
    scene.host("gpu").faults.hang = true;
    const { machines } = await scene.call<{ machines: { name: string; power: string }[] }>("GET", "/v1/machines");
    context.expect(machines.find(({ name }) => name === "gpu")?.power).toBe("no answer");
    await scene.call("POST", "/v1/machines/gpu/power", { action: "off", hard: true });
    context.expect(await stuck(scene, /credentials/)).toContain("rejected these credentials before");
    await scene.sleep(60_000);
    context.expect(logins()).toHaveLength(1);
    context.expect(scene.counts("gpu")).toEqual(untouched);
  });
});
