import { describe, test } from "vitest";
import { startNatsServer } from "#test/peers/nats-server.ts";
import { peer } from "#test/peers/peer.ts";
import { backInService, recovered, smallRack, startScene } from "./lab.ts";

describe.concurrent("a GPU worker whose kernel hangs is fenced, brought back and proven", { timeout: 300_000 }, () => {
  for (const bmc of ["dell", "hpe", "supermicro", "openbmc", "ipmi"] as const) {
    test(`over the BMC of ${bmc}`, async (context) => {
      const scene = await startScene(context, { machines: smallRack(bmc) });
      scene.host("gpu").faults.hang = true;
      context.expect(await recovered(scene, "gpu")).toEqual(backInService);
    });
  }

  test.skipIf(!peer("nats-server"))("with a real nats-server as the store", async (context) => {
    const nats = await startNatsServer(peer("nats-server") ?? "");
    context.onTestFinished(() => nats.close());
    const scene = await startScene(context, { store: `nats://${nats.url}` });
    scene.host("gpu").faults.hang = true;
    context.expect(await recovered(scene, "gpu")).toEqual(backInService);
  });
});
