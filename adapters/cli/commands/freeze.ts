import type { Command } from "commander";
import type { Accepted } from "../accepted.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

type Answer = Accepted & { readonly frozen: { readonly reason: string; readonly by: string; readonly since: string } | null };

/** `freeze` and `unfreeze`: the stop for everything. */
export function freezeCommands(program: Command, shell: Shell): void {
  program
    .command("freeze")
    .description("stop every act on every machine, now; runs wait")
    // Whoever needs it is in a hurry: a reason is welcome and not demanded.
    .option("--reason <text>", "why", "no reason given")
    .action(
      shell.action(async ({ reason }: { reason: string }) => {
        const answer = await shell.client.post<Answer>("/v1/freeze", { reason });
        shell.show(answer, () => ["Frozen: nothing is powered until `lightsout unfreeze`"]);
        return "ok";
      }),
    );
  program
    .command("unfreeze")
    .description("let acts go on")
    .option("--reason <text>", "why")
    .action(
      shell.action(async (body: { reason?: string }) => {
        const answer = await shell.client.remove<Answer>("/v1/freeze", body);
        const { frozen } = answer;
        shell.show(answer, () =>
          frozen ? [paint("yellow", `Still frozen by ${frozen.by} since ${frozen.since}: ${frozen.reason}`)] : ["Acts go on"],
        );
        return frozen ? "failed" : "ok";
      }),
    );
}
