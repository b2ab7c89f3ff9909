import type { Command } from "commander";

/** One command, as the help tells of it. */
export interface CommandHelp {
  /** Without the program's name: `power <action> <machine>`. */
  readonly usage: string;
  readonly description: string;
  /** Its own options, as they are written. */
  readonly options: readonly { readonly flags: string; readonly description: string }[];
}

/** A command, or all those that it is made of. */
export function helpsOf(command: Command, before = ""): CommandHelp[] {
  const name = `${before}${command.name()}`;
  if (command.commands.length > 0) return command.commands.flatMap((part) => helpsOf(part, `${name} `));
  const given = command.registeredArguments.map((one) => {
    const text = `${one.name()}${one.variadic ? "..." : ""}`;
    return one.required ? `<${text}>` : `[${text}]`;
  });
  return [
    {
      usage: [name, ...given].join(" "),
      description: command.description(),
      options: command.options.filter(({ hidden }) => !hidden).map(({ flags, description }) => ({ flags, description })),
    },
  ];
}
