import { describe, test } from "vitest";
import { createKubeClient } from "#adapters/cluster/kubernetes/client.ts";
import type { MachineRow, PlannedRun, Why } from "#adapters/http/port.ts";
import { machineIdentified, systemClock } from "#events";
import type { RedfishBmc } from "#test/lab/redfish-bmc.ts";
import { type Scene, startScene } from "./lab.ts";

const machines = async (scene: Scene) => (await scene.call<{ machines: MachineRow[] }>("GET", "/v1/machines")).machines;
const rowOf = async (scene: Scene, name: string) => (await machines(scene)).find((row) => row.name === name);
const isRefused = async (scene: Scene, machine: string, why: string) => {
  const { last } = await scene.ended(machine, "power-on");
  return last.is === "finished" && last.status === "refused" && last.reason?.includes(why);
};

/** What kubectl annotate sends; `null` takes an annotation off. */
async function annotate({ rack }: Scene, node: string, annotations: Readonly<Record<string, string | null>>): Promise<void> {
  const client = createKubeClient({ kubeconfig: { text: rack.kube.kubeconfig }, clock: systemClock, timeoutMs: 20_000 });
  const body = { metadata: { annotations } };
  await client.call({
    method: "PATCH",
    path: `/api/v1/nodes/${node}?fieldManager=kubectl-annotate`,
    target: node,
    operation: "annotate",
    body,
  });
  await client.close();
}

describe.concurrent("the rack as a person approves it", { timeout: 300_000 }, () => {
  test("who each machine is, what it can prove, and what stands against acting on it", async (context) => {
    const scene = await startScene(context, { watch: false, change: (config) => Object.assign(config, { trust: "observe" }) });
    context.expect(await rowOf(scene, "gpu")).toMatchObject({
      powerState: "on",
      identity: "agrees",
      agree: ["inventory", "BMC", "Node"],
      canProveOff: true,
      trust: "observe",
      trustInForce: "observe",
      objections: [{ against: ["recovery", "off", "on"], guard: "trust", says: "observe" }],
    });
    context.expect(await rowOf(scene, "other-1")).toMatchObject({
      power: "no BMC",
      identity: "cannot-tell",
      agree: ["inventory", "Node"],
      canProveOff: false,
      objections: context.expect.arrayContaining([context.expect.objectContaining({ guard: "bmc", says: "refuse" })]),
    });

    scene.host("gpu").faults.reports = { uuid: "4c4c4544-0043-3010-8052-b4c04f564231" };
    context.expect(await rowOf(scene, "gpu")).toMatchObject({
      identity: "contradicts",
      witnesses: { bmc: context.expect.stringContaining("4c4c4544-0043-3010-8052-b4c04f564231") },
      objections: context.expect.arrayContaining([context.expect.objectContaining({ guard: "identity", says: "refuse" })]),
    });
    scene.host("gpu").faults.bmcDead = true;
    context.expect(await rowOf(scene, "gpu")).toMatchObject({ power: "no answer", identity: "cannot-tell", canProveOff: false });
  });

  test("a hold that a person writes on a Node is shown, planned with, obeyed, and remembered while the cluster is away", async (context) => {
    const scene = await startScene(context);
    const power = (action: string, more = "") => scene.call("POST", `/v1/machines/gpu/power${more}`, { action });
    await scene.call("POST", "/v1/machines/gpu/power", { action: "off", hard: true });
    context.expect((await scene.ended("gpu", "power-off")).last).toMatchObject({ status: "ok" });

    await annotate(scene, "gpu", { "lightsout.dev/hold": "hands in it", "lightsout.dev/hold-until": "2999-01-31T18:00:00Z" });
    const said = "Node gpu is annotated lightsout.dev/hold=hands in it until 2999-01-31T18:00:00Z";
    context.expect((await rowOf(scene, "gpu"))?.holds).toEqual([said]);
    context.expect((await scene.call<Why>("GET", "/v1/machines/gpu/why")).holds).toEqual([said]);
    const { plan } = (await power("cycle", "?plan=true")) as { plan: PlannedRun[] };
    context.expect(plan[0]?.stops).toContain(said);

    await scene.until("it is kept", () => scene.lightsout.worker.office.settings.nodeHold("gpu"));
    await scene.rack.kube.mode("refused");
    const silent = "the cluster does not answer, and its Node was annotated lightsout.dev/hold=hands in it";
    await scene.until("it is held as last seen", async () => (await rowOf(scene, "gpu"))?.holds[0]?.startsWith(silent));
    await scene.restart();
    await power("on");
    context.expect(await isRefused(scene, "gpu", silent)).toBe(true);
    context.expect(scene.counts("gpu").on).toBe(0);

    await scene.call("DELETE", "/v1/holds/machine/gpu");
    await power("on");
    await scene.until("it is on", () => scene.counts("gpu").on === 1);
  });

  test("a box is found by its light; who asked is kept, and one without a BMC says so", async (context) => {
    const scene = await startScene(context, { watch: false });
    context.expect(await scene.call("POST", "/v1/machines/gpu/identify", { for: "2m" })).toEqual({ machine: "gpu", seconds: 120 });
    await scene.call("POST", "/v1/machines/gpu/identify", { off: true });
    const { requests } = scene.rack.bmcs.get("gpu") as RedfishBmc;
    const written = requests.filter(({ method }) => method === "PATCH").map(({ body }) => body);
    context.expect(written).toEqual([{ LocationIndicatorActive: true }, { LocationIndicatorActive: false }]);
    const kept = await scene.lightsout.worker.office.bus.since(machineIdentified, "gpu", 0);
    context.expect(kept.map(({ event }) => event.data)).toEqual([
      { machine: "gpu", seconds: 120, by: "local" },
      { machine: "gpu", seconds: 0, by: "local" },
    ]);
    context.expect(scene.told).toContain("info local: POST /v1/machines/gpu/identify: 200");
    await context.expect(scene.call("POST", "/v1/machines/other-1/identify")).rejects.toThrow("LO_UNSUPPORTED");
    await context.expect(scene.call("POST", "/v1/machines/gpus/identify")).rejects.toThrow("Did you mean gpu");
  });
});
