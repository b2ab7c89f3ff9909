import type { Command } from "commander";
import { entryLine, nextLines, summaryLine, waitsFor } from "../journal.ts";
import { findRun } from "../runs.ts";
import type { Shell } from "../shell.ts";
import { readRun, watch } from "../watch.ts";

/** `show`: a run's journal, now or as it grows. */
export function showCommand(program: Command, shell: Shell): void {
  program
    .command("show")
    .description("show what a run did, step by step")
    .argument("<run>", "its id, or how it begins")
    .option("--follow", "go along until it has finished")
    .action(
      shell.action(async (given: string, { follow }: { follow?: boolean }) => {
        const { run } = await findRun(shell, given);
        if (follow) {
          const { exit, summary, journal } = await watch(shell, run, { untilPerson: false });
          shell.show({ summary, journal }, () => []);
          return exit;
        }
        const { summary, journal } = await readRun(shell, run);
        const waiting = waitsFor(journal);
        shell.show({ summary, journal }, () => [
          summaryLine(summary),
          ...journal.map((entry) => entryLine(entry, shell.clock.now())),
          ...(waiting ? ["", ...nextLines(run, waiting)] : []),
        ]);
        return "ok";
      }),
    );
}
