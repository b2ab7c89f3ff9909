import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { stringify } from "yaml";
import { importTalhelper } from "#adapters/machineconfig/mod.ts";
import { Failure } from "../failure.ts";
import { sectionOf } from "../imported.ts";
import type { Shell } from "../shell.ts";

/** `import`: makes a section of `lightsout.yaml` of what other tools know. Asks nobody. */
export function importCommand(program: Command, shell: Shell): void {
  const group = program.command("import").description("print a section for lightsout.yaml, made of what another tool knows");
  group
    .command("talhelper")
    .description("of the machines of a talconfig.yaml; what cannot be taken over goes to the standard error")
    .argument("<file>", "talconfig.yaml")
    .action(
      shell.action(async (file: string) => {
        const { notes, section } = sectionOf(importTalhelper(readTalconfig(file)), dirname(file));
        const text = stringify(section, { lineWidth: 0 });
        if (!shell.json) for (const note of notes) shell.hooks.err(`# ${note}`);
        shell.show({ section, notes }, () => text.trimEnd().split("\n"));
        return "ok";
      }),
    );
}

function readTalconfig(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "no reason given";
    throw new Failure("failed", `${file} cannot be read (${code})`, { hint: "Name the talconfig.yaml that `talhelper genconfig` reads" });
  }
}
