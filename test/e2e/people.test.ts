import { describe, test } from "vitest";
import type { Why } from "#adapters/http/port.ts";
import { backInService, recovered, type Scene, smallRack, startScene, untouched } from "./lab.ts";

const power = (scene: Scene, action: "on" | "off" | "cycle", more: object = {}) =>
  scene.call("POST", "/v1/machines/gpu/power", { action, reason: "a test", ...more });
const why = (scene: Scene) => scene.call<Why>("GET", "/v1/machines/gpu/why");

describe.concurrent("what people ask for", { timeout: 300_000 }, () => {
  test("off drains first; it stays off, is not lost, and comes back when asked", async (context) => {
    const scene = await startScene(context);
    scene.rack.kube.addPod({ name: "web", node: "gpu" });
    scene.rack.kube.addPod({ name: "exporter", node: "gpu", owner: "DaemonSet" });
    await power(scene, "off");
    context.expect((await scene.ended("gpu", "power-off")).last).toMatchObject({ status: "ok" });
    context.expect(scene.counts("gpu")).toEqual({ off: 1, on: 0, reset: 0 });
    const web = scene.rack.kube.pods().filter(({ metadata }) => metadata.name.startsWith("web"));
    context.expect(web.map(({ spec }) => spec.nodeName)).not.toContain("gpu");

    // Longer than its lease, the grace and its patience together.
    await scene.until("its Node is Unknown", () => scene.rack.kube.node("gpu").status.conditions[0]?.status === "Unknown");
    await scene.sleep(45_000);
    context.expect(await scene.run("gpu")).toBeUndefined();
    context.expect((await why(scene)).answer).toContain("meant to be off (local: a test)");

    await power(scene, "on");
    context.expect((await scene.ended("gpu", "power-on")).last).toMatchObject({ status: "ok" });
    context.expect(scene.counts("gpu")).toEqual({ off: 1, on: 1, reset: 0 });
    context.expect({ cordoned: scene.cordoned("gpu"), tainted: scene.tainted("gpu") }).toEqual({ cordoned: false, tainted: false });
  });

  test("off with a pod that cannot be replaced asks; a refusal leaves it running", async (context) => {
    const scene = await startScene(context);
    scene.rack.kube.addPod({ name: "handmade", node: "gpu", owner: "none" });
    await power(scene, "off");
    const question = await scene.question("gpu");
    context.expect(question.ask).toContain("default/handmade");
    await scene.decide(question, false);
    context.expect((await scene.ended("gpu", "power-off")).last).toMatchObject({ status: "denied" });
    context.expect(scene.counts("gpu")).toEqual(untouched);
    context.expect(scene.rack.kube.pods("gpu").map(({ metadata }) => metadata.name)).toContain("handmade");
  });

  test("cycle by a CloudEvent: off, on, proven, once however often it is sent", async (context) => {
    const scene = await startScene(context, { machines: smallRack("hpe") });
    const event = { type: "power-cycle", data: { machine: "gpu", hard: true }, id: "only-once" };
    const first = await scene.call<{ repeated: boolean }>("POST", "/v1/events", event);
    context.expect(first.repeated).toBe(false);
    context.expect((await scene.ended("gpu", "power-cycle")).last).toMatchObject({ status: "ok" });
    context.expect(await scene.call("POST", "/v1/events", event)).toMatchObject({ repeated: true });
    await scene.sleep(20_000);
    context.expect(scene.counts("gpu")).toEqual({ off: 1, on: 1, reset: 0 });
    context.expect(scene.cordoned("gpu")).toBe(false);
  });

  test("a freeze in the middle of a recovery holds the next act until it is lifted", async (context) => {
    const scene = await startScene(context);
    scene.host("gpu").faults.hang = true;
    await scene.until("it is off", () => scene.counts("gpu").off === 1);
    await scene.call("POST", "/v1/freeze", { reason: "hands off" });
    await scene.until("the run says that it is frozen", async () => (await scene.run("gpu"))?.summary.reason.includes("hands off"));
    await scene.sleep(40_000);
    context.expect(scene.counts("gpu")).toEqual({ off: 1, on: 0, reset: 0 });
    await scene.call("DELETE", "/v1/freeze");
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });

  test("a machine that comes back by itself during a freeze is not powered afterwards", async (context) => {
    const scene = await startScene(context);
    await scene.call("POST", "/v1/freeze", { reason: "maintenance" });
    scene.host("gpu").faults.hang = true;
    await scene.until("the run says that it is frozen", async () => (await scene.run("gpu"))?.summary.reason.includes("maintenance"));
    scene.host("gpu").faults.hang = false;
    await scene.until("its Node is Ready", () => scene.rack.kube.node("gpu").status.conditions[0]?.status === "True");
    await scene.call("DELETE", "/v1/freeze");
    await scene.ended("gpu");
    await scene.sleep(40_000);
    context.expect(scene.counts("gpu")).toEqual(untouched);
    context.expect({ cordoned: scene.cordoned("gpu"), tainted: scene.tainted("gpu") }).toEqual({ cordoned: false, tainted: false });
  });

  test("a hold by an annotation of the Node keeps hands off, and says so; afterwards the recovery begins", async (context) => {
    const scene = await startScene(context);
    scene.rack.kube.annotate("gpu", "lightsout.dev/hold", "being debugged");
    scene.host("gpu").faults.hang = true;
    const { last } = await scene.ended("gpu");
    context.expect(last).toMatchObject({ status: "refused", reason: context.expect.stringContaining("being debugged") });
    context.expect(scene.counts("gpu")).toEqual(untouched);
    scene.rack.kube.annotate("gpu", "lightsout.dev/hold", undefined);
    // A new round begins at the next event that may have ended a hold.
    await scene.call("DELETE", "/v1/holds/machine/gpu");
    await scene.until("a second run", async () => (await scene.call<{ runs: unknown[] }>("GET", "/v1/runs?machine=gpu")).runs.length === 2);
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });

  test("trust observe: everything is decided and shown, nothing is done", async (context) => {
    const scene = await startScene(context, { change: (config) => Object.assign(config, { trust: "observe" }) });
    scene.host("gpu").faults.hang = true;
    const { last } = await scene.ended("gpu");
    context.expect(last).toMatchObject({ status: "observed", reason: context.expect.stringContaining("would act on gpu now") });
    const { answer, runs } = await why(scene);
    context.expect(answer).toContain("observe");
    context.expect(runs[0]?.verdicts.find(({ guard }) => guard === "trust")).toMatchObject({ says: "observe" });
    context.expect(scene.counts("gpu")).toEqual(untouched);
    context.expect(scene.rack.kube.requests.filter(({ method, path }) => method !== "GET" && !path.includes("/events"))).toEqual([]);
  });

  test("trust ask: a person agrees over HTTP to exactly this plan, and it is done", async (context) => {
    const scene = await startScene(context, { change: (config) => Object.assign(config, { trust: "ask" }) });
    scene.host("gpu").faults.hang = true;
    const question = await scene.question("gpu");
    context.expect(scene.counts("gpu")).toEqual(untouched);
    await context.expect(scene.decide({ ...question, digest: "0000000000000000" }, true)).rejects.toThrow("LO_QUESTION_CLOSED");
    context.expect(await scene.decide(question, true)).toMatchObject({ repeated: false });
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
    context
      .expect((await scene.run("gpu"))?.journal.filter((entry) => entry.is === "decided"))
      .toMatchObject([{ approved: true, who: "local" }]);
  });

  test("a technician switched it off: Lightsout asks, and brings it back when told to", async (context) => {
    const scene = await startScene(context);
    scene.host("gpu").press("force-off", "button");
    const question = await scene.question("gpu");
    context.expect(question.ask).toContain("somebody may have their hands in it");
    await scene.sleep(20_000);
    context.expect(scene.counts("gpu")).toEqual({ off: 1, on: 0, reset: 0 });
    await scene.decide(question, true);
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });

  test("a technician switches it on while it is tainted: the taint goes at once, the run ends, a person is asked", async (context) => {
    const scene = await startScene(context);
    const { kube } = scene.rack;
    kube.intercept(({ path }) => (path.includes("volumeattachments") ? { code: 503, body: { kind: "Status", code: 503 } } : undefined));
    scene.host("gpu").faults.hang = true;
    await scene.until("it is tainted", () => scene.tainted("gpu"));
    scene.host("gpu").press("on", "button");
    const { last } = await scene.ended("gpu");
    context.expect(last).toMatchObject({ status: "failed", reason: context.expect.stringContaining("reads On while it was to stay off") });
    context.expect(scene.tainted("gpu")).toBe(false);
    context.expect((await why(scene)).ledger.quarantine).toBeDefined();
    context.expect(scene.counts("gpu")).toEqual({ off: 1, on: 1, reset: 0 });
  });
});
