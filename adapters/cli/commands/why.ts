import type { Command } from "commander";
import type { DrillRow, Why, WhyRun } from "#adapters/http/port.ts";
import { humanDuration } from "#events";
import { segment } from "../client.ts";
import { summaryLine, timeText, trustLine, verdictText } from "../journal.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

/** `why`: why Lightsout did, or did not, act on a machine. */
export function whyCommand(program: Command, shell: Shell): void {
  program
    .command("why")
    .description("explain why Lightsout did, or did not, act on a machine")
    .argument("<machine>")
    .action(
      shell.action(async (machine: string) => {
        const why = await shell.client.get<Why>(`/v1/machines/${segment(machine)}/why`);
        shell.show(why, () => lines(why, shell.clock.now()));
        return "ok";
      }),
    );
}

function lines({ answer, attested, drill, ledger, incident, holds, frozen, runs, ...trusted }: Why, now: number): string[] {
  const wanted =
    ledger.want === undefined ? "nobody has said" : `${ledger.want} (${ledger.why ?? "no reason"}, by ${ledger.by ?? "unknown"})`;
  return [
    paint("bold", answer),
    `  meant to be  ${wanted}`,
    `  trust        ${trustLine(trusted)}`,
    `  drill        ${drillLine(drill)}`,
    ...(frozen === undefined ? [] : [`  frozen       ${frozen}`]),
    ...(ledger.quarantine ? [`  quarantine   ${ledger.quarantine.reason} (release it with: lightsout release ${ledger.machine})`] : []),
    ...(attested === undefined ? [] : [`  attested     ${attested}`]),
    ...holds.map((hold) => `  hold         ${hold}`),
    ...(incident ? [`  incident     ${incident.state}, round ${incident.round}: ${incident.reason}`] : []),
    ...runs.flatMap((run) => [
      `  run          ${summaryLine(run.summary)}${run.ended === undefined || run.ended === run.summary.reason ? "" : `; ended: ${run.ended}`}`,
      ...(run.verdicts.length === 0 ? [] : [`               ${guardsHead(run, now)}`]),
      ...run.verdicts.map((verdict) => `                 ${verdictText(verdict)}`),
    ]),
  ];
}

function drillLine(drill: DrillRow | undefined): string {
  if (!drill) return "never passed";
  const { at, bootMs, gpus, lapsed, offMs } = drill;
  const passed = `passed at ${at}: off in ${humanDuration(offMs)}, back in ${humanDuration(bootMs)}, ${gpus} GPUs`;
  return lapsed === undefined ? passed : `${passed}. It no longer counts: ${lapsed}`;
}

/** Which act the guards were asked about: the run's last. */
function guardsHead({ act }: WhyRun, now: number): string {
  if (!act) return "guards before its last act:";
  return `guards before ${act.verb ?? `"${act.step}"`} at ${timeText(Date.parse(act.at), now)}:`;
}
