import type { Command } from "commander";
import type { Shell } from "../shell.ts";

/** `demo`: a simulated rack loses a machine and gets it back. */
export function demoCommand(program: Command, shell: Shell): void {
  program
    .command("demo")
    .description("show on a simulated rack how a lost machine comes back")
    .option("--store <url>", "the event store, such as nats://127.0.0.1:4222; else one in this process")
    .action(
      shell.action(({ store }: { store?: string }) => shell.hooks.demo({ json: shell.json, ...(store === undefined ? {} : { store }) })),
    );
}
