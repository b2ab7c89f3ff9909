import { nodeLost, nodeReady, nodeRetired } from "#events";
import { defineFunction } from "./define.ts";
import { fence } from "./fragments/fence.ts";
import { askIfFoundOff, collectEvidence, makeSure } from "./fragments/lost.ts";
import { powerOn } from "./fragments/power.ts";
import { noteBefore, proveReturned, uncordon } from "./fragments/service.ts";

/** A node went dark: give it time, make sure, fence it over its BMC, bring it back and prove it. Or ask a person. */
export default defineFunction(
  {
    id: "node-lost",
    on: nodeLost,
    uses: ["inventory", "power", "cluster", "os"],
    acts: ["cordon", "force-off", "taint-out-of-service", "power-on"],
    aim: "on",
    recovery: true,
    cancelOn: nodeRetired,
    timeout: "2h",
    limit: { perMachine: ["2/6h", "3/24h", "5/7d"], fleet: "4/24h" },
  },
  async ({ event, step, ports }) => {
    const { machine, openedAt } = event.data;
    if (await step.waitFor("give it a chance to return", nodeReady, { within: ports.inventory.patience(machine) })) return;
    if ((await makeSure(machine, step, ports)) === "returned") return;

    const evidence = await step.run("collect evidence", (signal) => collectEvidence(machine, ports, signal), { reads: true });
    const before = await noteBefore(machine, step, ports);
    await fence(machine, step, ports, () => askIfFoundOff(machine, openedAt, evidence, step, ports));
    await step.act("power on", powerOn(machine, ports));
    await proveReturned(machine, step, ports, before.bootId, before.system);
    await uncordon(machine, step, ports);

    const message = `fenced, brought back and proven by run ${step.self.run}`;
    await step.run("report", () => ports.cluster.report(machine, { reason: "LightsoutRecovered", message, type: "Normal" }));
  },
);
