import { canonical, driftCheckRequested, driftFound, driftGone, TerminalError } from "#events";
import { defineFunction } from "./define.ts";
import { compare } from "./fragments/drift.ts";

/** Compare what is declared with what runs, and tell what is new. What stands already is told again only where it may be put right. */
export default defineFunction(
  {
    id: "drift-check",
    on: driftCheckRequested,
    uses: ["inventory", "cluster", "talos", "configs", "power", "netboot", "history", "policy"],
    timeout: "12h",
  },
  async ({ event, step, ports }) => {
    const { machine: only } = event.data;
    const names = ports.inventory.machines().map(({ name }) => name);
    const machines = only === undefined ? names.filter((name) => ports.configs.has(name)) : [only];
    const unread: Record<string, string> = {};
    for (const machine of machines) {
      const found = await step.run(`compare ${machine}`, (signal) => compare(machine, ports, signal), { reads: true, timeout: "2m" });
      const { before, drift } = found;
      const mendable = drift.some(({ of }) => ports.policy.drift.repair.some((may) => may === of));
      if (drift.length > 0 && (mendable || canonical(drift) !== canonical(before)))
        await step.emit(`tell the drift of ${machine}`, driftFound, { machine, drift: [...drift] });
      if (drift.length === 0 && before.length > 0) await step.emit(`tell that ${machine} is as declared`, driftGone, { machine });
      const silent = Object.entries(found.unread).map(([of, why]) => `${of}: ${why}`);
      if (silent.length > 0) unread[machine] = silent.join("; ");
      if (only !== undefined && found.unread.version !== undefined)
        throw new TerminalError(`${machine} could not be asked: ${found.unread.version}`);
    }
    await step.run("what could not be read", () => unread, { planned: {} });
  },
);
