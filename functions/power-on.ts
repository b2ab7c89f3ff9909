import { powerOnRequested } from "#events";
import { defineFunction } from "./define.ts";
import { powerOn } from "./fragments/power.ts";
import { noteBefore, proveReturned, uncordon, untilTheClusterAnswers } from "./fragments/service.ts";

/** Bring a machine on and back into service, with proof. */
export default defineFunction(
  { id: "power-on", on: powerOnRequested, uses: ["inventory", "power", "cluster"], acts: ["power-on"], aim: "on", timeout: "3h" },
  async ({ event, step, ports }) => {
    const { machine } = event.data;
    const before = await noteBefore(machine, step, ports, { unlessAway: true });
    const { result } = await step.act("power on", powerOn(machine, ports));
    await untilTheClusterAnswers(step, ports);
    await proveReturned(machine, step, ports, result === "already" ? null : before.bootId, before.system);
    await uncordon(machine, step, ports);
  },
);
