import type { Command } from "commander";
import type { Desk, MachineRow } from "#adapters/http/port.ts";
import type { Shell } from "../shell.ts";
import { paint, table } from "../text.ts";

type Frozen = Awaited<ReturnType<Desk["frozen"]>> | null;

/** `machines`: the fleet as it is now. */
export function machinesCommand(program: Command, shell: Shell): void {
  program
    .command("machines")
    .description("list the machines: power, node, identity, trust, and who holds them")
    .action(
      shell.action(async () => {
        const [{ machines }, { frozen }] = await Promise.all([
          shell.client.get<{ machines: MachineRow[] }>("/v1/machines"),
          shell.client.get<{ frozen: Frozen }>("/v1/freeze"),
        ]);
        shell.show({ frozen, machines }, () => [
          ...(frozen ? [paint("red", `FROZEN by ${frozen.by}: ${frozen.reason}`)] : []),
          ...(machines.length === 0
            ? ["The inventory is empty; add machines to lightsout.yaml"]
            : table(["MACHINE", "POOL", "ROLE", "READY", "POWER", "WANT", "IDENTITY", "GPUS", "TRUST", "NOTES"], machines.map(row))),
        ]);
        return "ok";
      }),
    );
}

const row = (machine: MachineRow) => [
  machine.name,
  machine.pool,
  machine.role,
  machine.ready,
  machine.power,
  machine.want,
  machine.identity,
  machine.gpus,
  machine.trust,
  notes(machine).join("; "),
];

const notes = ({ quarantine, hold, incident, run, identity, identityDetail, canProveOff }: MachineRow): string[] => [
  ...(quarantine === undefined ? [] : [`quarantine: ${quarantine}`]),
  ...(hold === undefined ? [] : [`hold: ${hold}`]),
  ...(incident === undefined ? [] : [`incident: ${incident}`]),
  ...(run === undefined ? [] : [`run ${run}`]),
  ...(identity === "contradicts" ? [identityDetail] : []),
  ...(canProveOff ? [] : ["cannot prove off"]),
];
