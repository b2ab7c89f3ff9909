import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "vitest";
import { backInService, recovered, smallRack, startScene } from "./lab.ts";

const off = { action: "off", reason: "a test" };

describe.concurrent("another configuration while it runs", { timeout: 300_000 }, () => {
  test("a run that waits for a person goes on under the new one, and streams and requests find it at the same address", async (context) => {
    const scene = await startScene(context);
    scene.rack.kube.addPod({ name: "handmade", node: "gpu", owner: "none" });
    await scene.call("POST", "/v1/machines/gpu/power", off);
    const question = await scene.question("gpu");
    const { url } = scene.lightsout;
    const changed = await scene.reload(({ machines }) => ({ machines: [...machines, { name: "late" }], grace: "20s" }));
    context.expect(changed).toEqual(["adds late", "changes grace"]);
    context.expect(scene.lightsout.url).toBe(url);
    const { machines } = await scene.call<{ machines: { name: string }[] }>("GET", "/v1/machines");
    context.expect(machines.map(({ name }) => name)).toContain("late");
    await scene.decide(question, true);
    context.expect((await scene.ended("gpu", "power-off")).last).toMatchObject({ status: "ok" });
    context.expect(scene.counts("gpu")).toEqual({ off: 1, on: 0, reset: 0 });
  });

  test("between every two acts of a recovery: each is done once", async (context) => {
    const scene = await startScene(context, { machines: smallRack("dell") });
    scene.host("gpu").faults.hang = true;
    await scene.until("it is off", () => scene.counts("gpu").off === 1);
    await scene.reload(() => ({ grace: "16s" }));
    await scene.until("it is on", () => scene.counts("gpu").on === 1);
    await scene.reload(() => ({ grace: "17s" }));
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
    const { journal } = await scene.ended("gpu");
    context
      .expect(journal.filter((entry) => entry.is === "intent").map((entry) => entry.step).length)
      .toBe(new Set(journal.flatMap((entry) => (entry.is === "intent" ? [entry.step] : []))).size);
  });

  test("what cannot be served changes nothing", async (context) => {
    const scene = await startScene(context, { watch: false });
    const before = scene.lightsout;
    const store = scene.reload(() => ({ store: { embedded: { path: "./other.db" } } }));
    await context.expect(store).rejects.toMatchObject({ code: "LO_RELOAD", message: "store cannot change while it runs" });
    const written = join(scene.folder, "functions");
    mkdirSync(written);
    writeFileSync(join(written, "mine.ts"), "export default 'no function';\n");
    await context.expect(scene.reload(() => ({ functions: written }))).rejects.toMatchObject({ code: "LO_FUNCTION" });
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const { port } = taken.address() as AddressInfo;
    await context.expect(scene.reload(() => ({ http: { listen: `127.0.0.1:${port}` } }))).rejects.toMatchObject({ code: "LO_HTTP_PORT" });
    taken.close();
    context.expect(scene.lightsout).toBe(before);
    context.expect(await scene.call("GET", "/v1/machines")).toMatchObject({ machines: [{ name: "gpu" }, {}, {}] });
    await scene.call("POST", "/v1/freeze", { reason: "still here" });
  });

  test("another password for a BMC, and another address to listen at", async (context) => {
    const scene = await startScene(context, { watch: false });
    const first = scene.lightsout.url;
    const changed = await scene.reload(() => ({ http: { listen: "[::1]:0" } }), { LAB_BMC_PASSWORD: "wrong" });
    context.expect(changed).toEqual(["changes gpu", "changes http"]);
    context.expect(scene.lightsout.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    await scene.until("the first address is let go", () =>
      fetch(`${first}/healthz`).then(
        () => false,
        () => true,
      ),
    );
    const { machines } = await scene.call<{ machines: { power: string }[] }>("GET", "/v1/machines");
    context.expect(machines[0]?.power).not.toBe("On");
    await scene.reload(() => ({}));
    await scene.until("the BMC is read again", async () => {
      const now = await scene.call<{ machines: { power: string }[] }>("GET", "/v1/machines");
      return now.machines[0]?.power === "On";
    });
  });
});
