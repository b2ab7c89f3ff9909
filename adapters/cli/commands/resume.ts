import { Argument, type Command } from "commander";
import type { Accepted } from "../accepted.ts";
import { segment } from "../client.ts";
import { findRun } from "../runs.ts";
import type { Shell } from "../shell.ts";

/** `resume`: a person's word on what a parked run cannot know. */
export function resumeCommand(program: Command, shell: Shell): void {
  program
    .command("resume")
    .description("say what became of a parked run's act; look at the machine first")
    .argument("<run>", "its id, or how it begins")
    .addArgument(new Argument("<word>").choices(["happened", "did-not-happen", "abandon"]))
    .option("--step <name>", "the step that is meant; refused if it is parked at another")
    .action(
      shell.action(async (given: string, word: string, { step }: { step?: string }) => {
        const { run } = await findRun(shell, given);
        const accepted = await shell.client.post<Accepted>(`/v1/runs/${segment(run)}/resume`, {
          word,
          ...(step === undefined ? {} : { step }),
        });
        shell.show(accepted, () => [`Run ${run} goes on: ${word}. Follow it with: lightsout show ${run} --follow`]);
        return "ok";
      }),
    );
}
