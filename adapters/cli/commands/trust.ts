import type { Command } from "commander";
import type { Why } from "#adapters/http/port.ts";
import type { Accepted } from "../accepted.ts";
import { segment } from "../client.ts";
import { Failure } from "../failure.ts";
import { trustLine } from "../journal.ts";
import { readScope } from "../scope.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

const levels = ["observe", "ask", "auto"];

/** `trust`: how much a machine or a pool lets Lightsout do. */
export function trustCommand(program: Command, shell: Shell): void {
  program
    .command("trust")
    .description("let Lightsout only observe, ask before it acts, or act by itself; of a machine without a level: what it may do now")
    .usage("[options] <machine|pool> <name> <observe|ask|auto>")
    .argument("<machine|pool>", "what it is about, or a machine's name alone")
    .argument("[name]", "after a machine's name alone: the level")
    .argument("[level]", "observe, ask or auto")
    .action(
      shell.action(async (first: string, second: string | undefined, third: string | undefined) => {
        if (second === undefined) return show(shell, first);
        const trust = third ?? second;
        if (!levels.includes(trust))
          throw new Failure("usage", `"${trust}" is not one of ${levels.join(", ")}`, { hint: "The level stands last" });
        const about = readScope(first, third === undefined ? undefined : second, ["machine", "pool"]);
        const accepted = await shell.client.post<Accepted>("/v1/trust", { ...about, trust });
        const why = about.scope === "machine" ? await readWhy(shell, about.name) : undefined;
        const less = why && why.trustInForce !== why.trust ? [paint("yellow", `For now it is ${trustLine(why)}`)] : [];
        shell.show(accepted, () => [`${about.scope} ${about.name}: ${trust}`, ...less]);
        return "ok";
      }),
    );
}

const readWhy = (shell: Shell, machine: string) => shell.client.get<Why>(`/v1/machines/${segment(machine)}/why`);

async function show(shell: Shell, given: string) {
  const { name } = readScope(given, undefined, ["machine"]);
  const why = await readWhy(shell, name);
  const { trust, trustInForce, trustWhy } = why;
  shell.show({ machine: name, trust, trustInForce, ...(trustWhy === undefined ? {} : { trustWhy }) }, () => [`${name}: ${trustLine(why)}`]);
  return "ok" as const;
}
