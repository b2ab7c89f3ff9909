import type { Command } from "commander";
import { readMachine, type Sending, send, sendingOptions } from "../sending.ts";
import type { Shell } from "../shell.ts";

/** `install`: installs a machine that carries nothing. */
export function installCommand(program: Command, shell: Shell): void {
  const command = program
    .command("install")
    .description("install a machine that is off or waits in maintenance, and that the cluster does not know")
    .argument("<machine>")
    .option("--confirm <machine>", "name the machine again, where it carries Lightsout");
  sendingOptions(command).action(
    shell.action(async (given: string, { confirm, ...rest }: Sending & { readonly confirm?: string }) => {
      const machine = readMachine(given);
      const asks = "Before its disk is written it asks, unless the machine is declared disposable";
      return send(shell, `install ${machine}`, { type: "install-requested", data: { machine, confirm } }, { ...rest, asks });
    }),
  );
}
