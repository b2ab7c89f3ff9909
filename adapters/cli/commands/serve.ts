import type { Command } from "commander";
import type { Shell } from "../shell.ts";

/** `serve`: runs Lightsout. */
export function serveCommand(program: Command, shell: Shell): void {
  program
    .command("serve")
    .description("run Lightsout with a configuration")
    .option("--config <file>", "the configuration", "lightsout.yaml")
    .action(
      shell.action(async ({ config }: { config: string }) => {
        await shell.hooks.serve({ config });
        return "ok";
      }),
    );
}
