import { drillPassed, drillRequested, TerminalError } from "#events";
import { defineFunction } from "./define.ts";
import { hardwareOf } from "./fragments/hardware.ts";
import { powerOn } from "./fragments/power.ts";
import { noteBefore, proveReturned, takeOutOfService, uncordon } from "./fragments/service.ts";
import { switchOff } from "./fragments/switch-off.ts";

/** An approved drain, off and on, measured: that this machine can be fenced and comes back by itself is seen before it is relied on. */
export default defineFunction(
  {
    id: "drill",
    on: drillRequested,
    uses: ["inventory", "power", "cluster", "talos", "drills"],
    acts: ["cordon", "os-shutdown", "power-off", "power-on"],
    aim: "on",
    timeout: "3h",
  },
  async ({ event, step, ports }) => {
    const { machine } = event.data;
    const hardware = await step.run("what it is", (signal) => hardwareOf(machine, ports, signal), { reads: true });
    const ask = `Drain ${machine}, switch it off and on again, and measure that?`;
    await step.approve("agree", { ask, plan: { machine, hardware }, within: "24h" });

    if ((await takeOutOfService(machine, step, ports, false)) !== "on")
      throw new TerminalError(`${machine} is not on: nothing can be measured`);
    const before = await noteBefore(machine, step, ports);
    const asked = await step.run("note when it is asked to go off", () => ports.drills.now());
    await switchOff(machine, false, step, ports);
    const off = await step.run("note when it was off", () => ports.drills.now());
    await step.act("power on", powerOn(machine, ports));
    await proveReturned(machine, step, ports, before.bootId, before.system);
    const back = await step.run("note when it was back", () => ports.drills.now());
    await uncordon(machine, step, ports);

    const { gpus } = ports.inventory.machine(machine);
    const measured = { offMs: off - asked, bootMs: back - off, gpus };
    await step.run("keep what was measured", () => ports.drills.pass(machine, { run: step.self.run, hardware, ...measured }));
    await step.emit("tell that it passed", drillPassed, { machine, ...measured });
  },
);
