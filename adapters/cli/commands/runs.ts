import { type Command, InvalidArgumentError, Option } from "commander";
import type { RunSummary } from "#events";
import { segment } from "../client.ts";
import type { Shell } from "../shell.ts";
import { table } from "../text.ts";

const states = ["queued", "running", "waiting", "asking", "parked", "finished"];

/** `runs`: what is, and was, worked on. */
export function runsCommand(program: Command, shell: Shell): void {
  program
    .command("runs")
    .description("list runs, the newest first")
    .addOption(new Option("--status <status>", "only these").choices(states))
    .option("--machine <name>", "only this machine's")
    .option("--function <name>", "only this function's")
    .addOption(new Option("--limit <count>", "at most so many (1 to 1000)").default("50").argParser(readLimit))
    .action(
      shell.action(async (filters: Readonly<Record<string, string>>) => {
        const query = Object.entries(filters).map(([name, value]) => `${name}=${segment(value)}`);
        const answer = await shell.client.get<{ runs: RunSummary[]; total: number }>(`/v1/runs?${query.join("&")}`);
        const more = answer.total - answer.runs.length;
        shell.show(answer, () =>
          answer.total === 0
            ? ["No runs"]
            : [
                ...table(["RUN", "FUNCTION", "FOR", "STATUS", "STEP", "SINCE", "REASON"], answer.runs.map(row)),
                ...(more > 0 ? [`and ${more} more; see them with --limit ${Math.min(1000, answer.total)}`] : []),
              ],
        );
        return "ok";
      }),
    );
}

function readLimit(text: string): string {
  if (/^[1-9]\d{0,3}$/.test(text) && Number(text) <= 1000) return text;
  throw new InvalidArgumentError("It is a whole number from 1 to 1000.");
}

const row = (run: RunSummary) => [
  run.run.slice(0, 12),
  run.function,
  run.key,
  run.status,
  run.step,
  `${run.startedAt.slice(0, 19)}Z`,
  run.reason === run.step ? "" : run.reason,
];
