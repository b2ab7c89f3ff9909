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

function summary({ days, rows, totals }: Scorecard): string {
  const { decided, cameBackAlone, heldBack, switchedLater, open } = totals;
  if (decided === 0) return `${days} days: nothing would have been done`;
  const what = rows.every((row) => row.function === "node-lost") ? "fenced" : "acted on";
  const parts = [
    `${decided} would have been ${what}`,
    `${cameBackAlone} came back alone`,
    `${switchedLater} ${switchedLater === 1 ? "was" : "were"} switched later`,
    ...(open > 0 ? [`${open} still open`] : []),
    ...(heldBack > 0 ? [`${heldBack} held back by a guard whatever trust allows`] : []),
  ];
  return paint("bold", `${days} days: ${parts.join(", ")}`);
}

const ends = { "came-back-alone": "came back alone", "switched-later": "was switched", open: "nothing since" } as const;

function line({ at, machine, function: name, heldBackBy, would, then, afterMs }: ShadowRow): string {
  const after = afterMs === undefined ? "" : ` after ${humanDuration(afterMs)}`;
  const held = heldBackBy.length === 0 ? "" : `; held back by ${heldBackBy.join(", ")} whatever trust allows`;
  return `${at}  ${machine}  ${name}: ${would}${held}; ${ends[then]}${after}`;
}
