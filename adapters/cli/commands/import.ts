import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import type { Command } from "commander";
import { stringify } from "yaml";
import { importNightwatch } from "#adapters/inventory/mod.ts";
import { importTalhelper } from "#adapters/machineconfig/mod.ts";
import { Failure } from "../failure.ts";
import { nightwatchSection } from "../imported/nightwatch.ts";
import { talhelperSection } from "../imported/talhelper.ts";
import type { Shell } from "../shell.ts";
import { harmless } from "../text.ts";

/** `import`: makes a section of `lightsout.yaml` of what other tools know. Asks nobody. */
export function importCommand(program: Command, shell: Shell): void {
  const group = program.command("import").description("print a section for lightsout.yaml, made of what another tool knows");
  const show = ({ notes, section }: { notes: readonly string[]; section: object }) => {
    const text = stringify(section, { lineWidth: 0 });
    if (!shell.json) for (const note of notes) shell.hooks.err(harmless(`# ${note}`));
    shell.show({ section, notes }, () => text.trimEnd().split("\n"));
    return "ok" as const;
  };
  group
    .command("talhelper")
    .description("of the machines of a talconfig.yaml; what cannot be taken over goes to the standard error")
    .argument("<file>", "talconfig.yaml")
    .action(
      shell.action(async (file: string) =>
        show(talhelperSection(importTalhelper(read(file, "the talconfig.yaml that `talhelper genconfig` reads")), dirname(file))),
      ),
    );
  group
    .command("nightwatch")
    .description("of the nodes of Nightwatch's nodes.yml; what cannot be taken over goes to the standard error")
    .argument("<file>", "nodes.yml")
    .action(
      shell.action(async (file: string) =>
        show(nightwatchSection(importNightwatch(read(file, "the nodes.yml that Nightwatch reads"), file), { file, env: shell.hooks.env })),
      ),
    );
}

function read(file: string, what: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? "no reason given";
    throw new Failure("failed", `${file} cannot be read (${code})`, { hint: `Name ${what}` });
  }
}
