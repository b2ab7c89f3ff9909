import type { Command } from "commander";
import { goingOptions, type Sending, send } from "../sending.ts";
import type { Shell } from "../shell.ts";

/** `drift`: compares what is declared with what runs. */
export function driftCommand(program: Command, shell: Shell): void {
  const command = program
    .command("drift")
    .description("compare what is declared with what runs, of one machine or of all")
    .argument("[machine]");
  goingOptions(command).action(
    shell.action(async (machine: string | undefined, given: Sending) =>
      send(shell, `drift check of ${machine ?? "all machines"}`, { type: "drift-check-requested", data: { machine } }, given),
    ),
  );
}
