import type { Command } from "commander";
import { readMachine, type Sending, send, sendingOptions } from "../sending.ts";
import type { Shell } from "../shell.ts";

/** `rebuild`: wipes a machine and installs it as it is declared. */
export function rebuildCommand(program: Command, shell: Shell): void {
  const command = program
    .command("rebuild")
    .description("wipe a machine and install it anew, as it is declared")
    .argument("<machine>")
    .option("--confirm <machine>", "name the machine again, where it carries Lightsout or is the only control plane");
  sendingOptions(command).action(
    shell.action(async (given: string, { confirm, ...rest }: Sending & { readonly confirm?: string }) => {
      const machine = readMachine(given);
      const asks = "Before anything is wiped it asks, with the disk's serial, unless the machine is declared disposable";
      return send(shell, `rebuild ${machine}`, { type: "rebuild-requested", data: { machine, confirm } }, { ...rest, asks });
    }),
  );
}
