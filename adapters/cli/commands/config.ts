import type { Command } from "commander";
import type { MachineProblems } from "#adapters/http/port.ts";
import { segment } from "../client.ts";
import { readMachine } from "../sending.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

/** `config`: what machines are declared to run, what is wrong with it, and where the machine differs; `config schema`: what an editor needs to know. */
export function configCommand(program: Command, shell: Shell): void {
  const config = program
    .command("config")
    .description("what machines are declared to run: check, diff, show; and the schema of lightsout.yaml");
  config
    .command("schema")
    .description("print the JSON Schema of lightsout.yaml, for editors; asks nobody")
    .action(
      shell.action(async () => {
        const schema = await shell.hooks.schema();
        shell.show(schema, () => JSON.stringify(schema, undefined, 2).split("\n"));
        return "ok";
      }),
    );
  config
    .command("check")
    .description("say what is wrong with one machine's configuration, or with all")
    .argument("[machine]")
    .action(
      shell.action(async (machine: string | undefined) => {
        const query = machine === undefined ? "" : `?machine=${segment(readMachine(machine))}`;
        const answer = await shell.client.get<{ machines: MachineProblems[] }>(`/v1/config/check${query}`);
        shell.show(answer, () =>
          answer.machines.length === 0
            ? ["Nothing is declared of any machine: give talos in lightsout.yaml"]
            : answer.machines.flatMap(problemLines),
        );
        return answer.machines.some(({ problems }) => problems.some(({ level }) => level === "error")) ? "failed" : "ok";
      }),
    );
  config
    .command("diff")
    .description("show where what runs on a machine is not what is declared")
    .argument("<machine>")
    .action(
      shell.action(async (machine: string) => {
        const answer = await shell.client.get<{ differences: string[] }>(`/v1/machines/${segment(readMachine(machine))}/config/diff`);
        shell.show(answer, () => (answer.differences.length === 0 ? [`${machine} runs what is declared`] : answer.differences));
        return answer.differences.length === 0 ? "ok" : "failed";
      }),
    );
  config
    .command("show")
    .description("print the whole configuration of a machine, with (hidden) in place of keys and tokens")
    .argument("<machine>")
    .action(
      shell.action(async (machine: string) => {
        const answer = await shell.client.get<{ text: string }>(`/v1/machines/${segment(readMachine(machine))}/config`);
        shell.show(answer, () => answer.text.trimEnd().split("\n"));
        return "ok";
      }),
    );
}

const problemLines = ({ machine, problems }: MachineProblems): string[] =>
  problems.length === 0
    ? [`${machine}: nothing is wrong that is known`]
    : [
        `${machine}:`,
        ...problems.flatMap(({ fix, level, message, path }) => [
          `  ${level === "error" ? paint("red", level) : paint("yellow", level)}  ${path === "" ? "" : `${path}: `}${message}`,
          `         ${fix}`,
        ]),
      ];
