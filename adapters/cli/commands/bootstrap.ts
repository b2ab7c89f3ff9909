import type { Command } from "commander";
import { type Sending, send, sendingOptions } from "../sending.ts";
import type { Shell } from "../shell.ts";

/** `bootstrap`: makes a cluster of machines that are off. */
export function bootstrapCommand(program: Command, shell: Shell): void {
  const command = program
    .command("bootstrap")
    .description("make a cluster of the machines: install them, start etcd once, bring all to Ready");
  sendingOptions(command).action(
    shell.action(async (given: Sending) => {
      const asks = "Before a machine is touched it asks, with every disk that would be installed to";
      return send(shell, "bootstrap", { type: "bootstrap-requested", data: {} }, { ...given, asks });
    }),
  );
}
