import type { Command } from "commander";
import { isDuration } from "#events";
import type { Accepted } from "../accepted.ts";
import { Failure } from "../failure.ts";
import { readScope } from "../scope.ts";
import type { Shell } from "../shell.ts";

/** `hold`: hands off a machine, a pool or a rack. */
export function holdCommand(program: Command, shell: Shell): void {
  program
    .command("hold")
    .description("keep Lightsout's hands off a machine, a pool or a rack")
    .argument("<machine|pool|rack>", "what is held, or a machine's name alone")
    .argument("[name]")
    .option("--reason <text>", "why (required); shown to everybody it holds up")
    .option("--for <duration>", "how long, such as 2h; else until it is released")
    .action(
      shell.action(async (first: string, second: string | undefined, { reason, for: length }: { reason?: string; for?: string }) => {
        const about = readScope(first, second, ["machine", "pool", "rack"]);
        if (reason === undefined)
          throw new Failure("usage", "--reason is missing", { hint: "Say why; it is shown to everybody it holds up" });
        if (length !== undefined && !isDuration(length)) {
          throw new Failure("usage", `"${length}" is not a duration`, { hint: "Write it like 30m, 2h or 7d" });
        }
        const body = { ...about, reason, ...(length === undefined ? {} : { for: length }) };
        const accepted = await shell.client.post<Accepted & { until?: string }>("/v1/holds", body);
        const name = `${about.scope} ${about.name}`;
        shell.show(accepted, () => [`Held: ${name}, until ${accepted.until ?? `it is released (lightsout release ${name})`}`]);
        return "ok";
      }),
    );
}
