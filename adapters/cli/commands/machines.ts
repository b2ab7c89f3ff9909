import type { Command } from "commander";
import type { Desk, MachineRow } from "#adapters/http/port.ts";
import { rackLines } from "../rack-table.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

type Frozen = Awaited<ReturnType<Desk["frozen"]>> | null;

const columnsHelp = `
Columns:
  NODE      whether Kubernetes has it Ready
  POWER     as its BMC reads now
  IDENTITY  how many of BMC, Node and inventory name the same machine: ✔ nothing contradicts, ✘ something does, ? it cannot be told
  OFF?      whether its BMC can prove that it is off; what cannot is never fenced
  DRILL     when it last passed one; lapsed: the machine, its BMC's firmware or its address has changed since
  TRUST     what is in force, and what was set where that is more`;

/** `machines`: the fleet as it is now, and what stands against acting on it. */
export function machinesCommand(program: Command, shell: Shell): void {
  program
    .command("machines")
    .description("list the machines as they are now, and what stands against acting on them")
    .option("--wide", "with Node names, addresses, measured times and GPUs")
    .addHelpText("after", columnsHelp)
    .action(
      shell.action(async ({ wide = false }: { wide?: boolean }) => {
        const [{ machines }, { frozen }] = await Promise.all([
          shell.client.get<{ machines: MachineRow[] }>("/v1/machines"),
          shell.client.get<{ frozen: Frozen }>("/v1/freeze"),
        ]);
        shell.show({ frozen, machines }, () => [
          ...(frozen ? [paint("red", `FROZEN by ${frozen.by}: ${frozen.reason}`)] : []),
          ...rackLines(machines, { wide, columns: shell.columns }),
        ]);
        return "ok";
      }),
    );
}
