import type { Command } from "commander";
import type { Accepted } from "../accepted.ts";
import { segment } from "../client.ts";
import { readScope } from "../scope.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

/** `release`: takes back a hold, and lifts a machine's quarantine. */
export function releaseCommand(program: Command, shell: Shell): void {
  program
    .command("release")
    .description("take back a hold; of a machine also its quarantine")
    .argument("<machine|pool|rack>", "what is released, or a machine's name alone")
    .argument("[name]")
    .action(
      shell.action(async (first: string, second: string | undefined) => {
        const { scope, name } = readScope(first, second, ["machine", "pool", "rack", "all"]);
        const accepted = await shell.client.remove<Accepted & { before?: readonly string[]; still?: readonly string[] }>(
          `/v1/holds/${segment(scope)}/${segment(name)}`,
        );
        const { before, still = [] } = accepted;
        shell.show(accepted, () => [
          before?.length === 0
            ? `Nothing held ${scope} ${name}: nothing is released`
            : `Released: ${scope} ${name}${before ? ` (${before.join("; ")})` : ""}`,
          ...still.map((hold) => paint("yellow", `Still: ${hold}`)),
        ]);
        return "ok";
      }),
    );
}
