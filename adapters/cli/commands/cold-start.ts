import type { Command } from "commander";
import { type Sending, send, sendingOptions } from "../sending.ts";
import type { Shell } from "../shell.ts";

/** `cold-start`: brings everything back after a blackout. */
export function coldStartCommand(program: Command, shell: Shell): void {
  const command = program
    .command("cold-start")
    .description("bring everything back after a blackout: storage, control planes, workers, one after the other");
  sendingOptions(command).action(
    shell.action(async (given: Sending) => {
      const asks = "Before a machine is switched on it asks, with the order";
      return send(shell, "cold start", { type: "cold-start-requested", data: {} }, { ...given, asks });
    }),
  );
}
