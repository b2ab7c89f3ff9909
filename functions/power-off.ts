import { powerOffRequested } from "#events";
import { defineFunction } from "./define.ts";
import { takeOutOfService } from "./fragments/service.ts";
import { switchOff } from "./fragments/switch-off.ts";

/** Take a machine out of service and off. The operating system is asked; the power is cut only when that was asked for. */
export default defineFunction(
  {
    id: "power-off",
    on: powerOffRequested,
    uses: ["inventory", "power", "cluster", "talos"],
    acts: ["cordon", "os-shutdown", "power-off", "force-off"],
    aim: "off",
    keeps: ["cordon"],
    timeout: "1h",
  },
  async ({ event, step, ports }) => {
    const { machine, hard } = event.data;
    await takeOutOfService(machine, step, ports, hard);
    await switchOff(machine, hard, step, ports);
  },
);
