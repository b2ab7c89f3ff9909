import type { Command } from "commander";
import type { Accepted } from "../accepted.ts";
import { segment } from "../client.ts";
import { findRun } from "../runs.ts";
import type { Shell } from "../shell.ts";

/** `cancel`: ends a run at its next step. */
export function cancelCommand(program: Command, shell: Shell): void {
  program
    .command("cancel")
    .description("end a run at its next step; an act that has begun is finished first")
    .argument("<run>", "its id, or how it begins")
    .option("--reason <text>", "why")
    .action(
      shell.action(async (given: string, body: { reason?: string }) => {
        const { run } = await findRun(shell, given);
        const accepted = await shell.client.post<Accepted>(`/v1/runs/${segment(run)}/cancel`, body);
        shell.show(accepted, () => [`Run ${run} ends at its next step; see it with: lightsout show ${run}`]);
        return "ok";
      }),
    );
}
