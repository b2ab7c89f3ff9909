import { nodeLost, nodeReady, nodeRetired, TerminalError } from "#events";
import { defineFunction } from "./define.ts";
import { fence } from "./fragments/fence.ts";
import { collectEvidence, confirmLost, offByPowerLoss } from "./fragments/lost.ts";
import { powerOn } from "./fragments/power.ts";
import { proveReturned, uncordon } from "./fragments/service.ts";

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

    const sure = await step.until(
      "nothing on it answers",
      async (signal) => {
        const finding = await confirmLost(machine, ports, signal);
        return finding.is === "lost" || finding.is === "returned" ? finding : undefined;
      },
      { every: "15s", within: "30m", wakeOn: nodeReady },
    );
    const found = sure ?? (await step.run("what stands in the way", (signal) => confirmLost(machine, ports, signal), { reads: true }));
    if (found.is === "returned") return;
    if (found.is === "alive") throw new TerminalError(`${machine} is lost to the cluster, but ${found.why}. Nothing was powered`);

    const evidence = await step.run("collect evidence", (signal) => collectEvidence(machine, ports, signal), { reads: true });
    const bootBefore = await step.run("note its boot id", async (signal) => (await ports.cluster.node(machine, signal))?.bootID ?? null, {
      reads: true,
    });

    await fence(machine, step, ports, async () => {
      if (await step.run("was it a power loss", (signal) => offByPowerLoss(machine, openedAt, ports, signal), { reads: true })) return;
      const ask = `${machine} was found off and this run did not do it: somebody may have their hands in it. Bring it back?`;
      await step.approve("bring it back", { ask, plan: { machine, evidence }, within: "24h" });
    });
    await step.act("power on", powerOn(machine, ports));
    await proveReturned(machine, step, ports, bootBefore);
    await uncordon(machine, step, ports);
    await step.run("report", (signal) =>
      ports.cluster.report(
        machine,
        { reason: "LightsoutRecovered", message: `fenced, power-cycled and proven back by run ${step.self.run}`, type: "Normal" },
        signal,
      ),
    );
  },
);
