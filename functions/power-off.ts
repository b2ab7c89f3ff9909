import { powerOffRequested } from "#events";
import { defineFunction } from "./define.ts";
import { forceOff, gracefulOff } from "./fragments/power.ts";
import { takeOutOfService } from "./fragments/service.ts";

/** Take a machine out of service and off. The operating system is asked; the power is cut only when that was asked for. */
export default defineFunction(
  {
    id: "power-off",
    on: powerOffRequested,
    uses: ["inventory", "power", "cluster"],
    acts: ["cordon", "power-off", "force-off"],
    aim: "off",
    keeps: ["cordon"],
    timeout: "1h",
  },
  async ({ event, step, ports }) => {
    const { machine, hard } = event.data;
    await takeOutOfService(machine, step, ports, hard);
    await step.act("power off", hard ? forceOff(machine, ports) : gracefulOff(machine, ports));
  },
);
