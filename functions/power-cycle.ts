import { powerCycle } from "#events";
import { defineFunction } from "./define.ts";
import { powerOn } from "./fragments/power.ts";
import { noteBefore, proveReturned, takeOutOfService, uncordon } from "./fragments/service.ts";
import { switchOff } from "./fragments/switch-off.ts";

/** Off, confirmed, on, confirmed: never an opaque cycle. */
export default defineFunction(
  {
    id: "power-cycle",
    on: powerCycle,
    uses: ["inventory", "power", "cluster", "talos"],
    acts: ["cordon", "os-shutdown", "power-off", "force-off", "power-on"],
    aim: "on",
    timeout: "2h",
  },
  async ({ event, step, ports }) => {
    const { machine, hard } = event.data;
    const found = await takeOutOfService(machine, step, ports, hard);
    const before = await noteBefore(machine, step, ports);
    const { result } = await switchOff(machine, hard, step, ports);
    if (result === "already" && found === "on") {
      const ask = `${machine} was switched off by somebody else meanwhile: they may have their hands in it. Switch it on?`;
      await step.approve("switch it on again", { ask, plan: { machine }, within: "24h" });
    }
    await step.act("power on", powerOn(machine, ports));
    await proveReturned(machine, step, ports, before.bootId, before.system);
    await uncordon(machine, step, ports);
  },
);
