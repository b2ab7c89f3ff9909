import type { Command } from "commander";
import type { Accepted } from "../accepted.ts";
import { Failure } from "../failure.ts";
import { readScope } from "../scope.ts";
import type { Shell } from "../shell.ts";

const levels = ["observe", "ask", "auto"];

/** `trust`: how much a machine or a pool lets Lightsout do. */
export function trustCommand(program: Command, shell: Shell): void {
  program
    .command("trust")
    .description("let Lightsout only observe, ask before it acts, or act by itself")
    .usage("[options] <machine|pool> <name> <observe|ask|auto>")
    .argument("<machine|pool>", "what it is about, or a machine's name alone")
    .argument("<name>", "after a machine's name alone: the level")
    .argument("[level]", "observe, ask or auto")
    .action(
      shell.action(async (first: string, second: string, third: string | undefined) => {
        const trust = third ?? second;
        if (!levels.includes(trust))
          throw new Failure("usage", `"${trust}" is not one of ${levels.join(", ")}`, { hint: "The level stands last" });
        const about = readScope(first, third === undefined ? undefined : second, ["machine", "pool"]);
        const accepted = await shell.client.post<Accepted>("/v1/trust", { ...about, trust });
        shell.show(accepted, () => [`${about.scope} ${about.name}: ${trust}`]);
        return "ok";
      }),
    );
}
