import type { Command } from "commander";
import type { Scorecard, ShadowRow } from "#adapters/http/port.ts";
import { humanDuration } from "#events";
import { Failure } from "../failure.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

/** `shadow`: what Lightsout would have done, had it been trusted. */
export function shadowCommand(program: Command, shell: Shell): void {
  program
    .command("shadow")
    .description("what would have been done where trust is observe, and what then happened")
    .option("--days <number>", "how far back, at most 90", "14")
    .action(
      shell.action(async ({ days }: { days: string }) => {
        if (!/^\d{1,2}$/.test(days) || Number(days) < 1)
          throw new Failure("usage", `"${days}" is not a number of days`, { hint: "Write 1 to 90" });
        const card = await shell.client.get<Scorecard>(`/v1/shadow?days=${days}`);
        shell.show(card, () => [summary(card), ...card.rows.map(line)]);
        return "ok";
      }),
    );
}

function summary({ days, totals }: Scorecard): string {
  const { decided, cameBackAlone, switchedLater, open } = totals;
  if (decided === 0) return `${days} days: nothing would have been done`;
  const parts = [
    `${decided} would have been acted on`,
    `${cameBackAlone} came back alone`,
    `${switchedLater} ${switchedLater === 1 ? "was" : "were"} switched later`,
    ...(open > 0 ? [`${open} still open`] : []),
  ];
  return paint("bold", `${days} days: ${parts.join(", ")}`);
}

const ends = { "came-back-alone": "came back alone", "switched-later": "was switched", open: "nothing since" } as const;

const line = ({ at, machine, function: name, would, then, afterMs }: ShadowRow): string =>
  `${at}  ${machine}  ${name}: ${would}; ${ends[then]}${afterMs === undefined ? "" : ` after ${humanDuration(afterMs)}`}`;
