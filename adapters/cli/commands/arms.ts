import type { Command } from "commander";
import type { ArmRow } from "#adapters/http/port.ts";
import { segment } from "../client.ts";
import { readMachine } from "../sending.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

/** `arms` and `disarm`: what may boot from the network, with what was seen of it, and the way to take it back. */
export function armsCommands(program: Command, shell: Shell): void {
  program
    .command("arms")
    .description("list each machine's last permission to boot from the network, and what was seen of it")
    .action(
      shell.action(async () => {
        const answer = await shell.client.get<{ arms: ArmRow[] }>("/v1/arms");
        shell.show(answer, () =>
          answer.arms.length === 0 ? ["No machine was ever armed: all boot their disks"] : answer.arms.flatMap(lines),
        );
        return "ok";
      }),
    );
  program
    .command("disarm")
    .description("take a machine's permission to boot from the network back; it boots its disk")
    .argument("<machine>")
    .option("--reason <text>", "why; kept with what was seen")
    .action(
      shell.action(async (given: string, body: { reason?: string }) => {
        const machine = readMachine(given);
        const answer = await shell.client.remove<{ arm: ArmRow | null }>(`/v1/arms/${segment(machine)}`, body);
        shell.show(answer, () => [outcome(machine, answer.arm)]);
        return "ok";
      }),
    );
}

const lines = ({ boots, evidence, expires, machine, run, state }: ArmRow): string[] => [
  `${paint("bold", machine)}  ${state === "armed" ? paint("yellow", state) : state}  run ${run}, until ${expires}, ${boots}`,
  ...evidence.map(({ at, detail, stage }) => `  ${at}  ${stage}  ${detail}`),
];

const outcome = (machine: string, arm: ArmRow | null): string => {
  if (!arm) return `${machine} was never armed`;
  if (arm.state === "consumed") return `${machine} has used its arm already (run ${arm.run}): there is nothing to take back`;
  return `${machine} is not armed: it boots its disk`;
};
