import { Argument, type Command } from "commander";
import { isDuration } from "#events";
import type { Accepted } from "../accepted.ts";
import { segment } from "../client.ts";
import { Failure } from "../failure.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

interface Given {
  readonly reason?: string;
  readonly for?: string;
}

/** `attest`: a person's word that a machine is off, where its BMC cannot say so. */
export function attestCommand(program: Command, shell: Shell): void {
  program
    .command("attest")
    .description("say that a machine is off, because you stand before it and its BMC is silent or missing; or take that back")
    .argument("<machine>")
    .addArgument(new Argument("<what>", "off, or withdraw").choices(["off", "withdraw"]))
    .option("--reason <text>", "what you saw (required); kept with your name")
    .option("--for <duration>", "how long it counts, at most 24h (default 4h); any sign of life ends it at once")
    .action(
      shell.action(async (machine: string, what: string, { reason, for: length }: Given) => {
        if (reason === undefined)
          throw new Failure("usage", "--reason is missing", { hint: 'Say what you saw, such as "its cord is pulled"' });
        if (length !== undefined && !isDuration(length)) {
          throw new Failure("usage", `"${length}" is not a duration`, { hint: "Write it like 30m or 4h" });
        }
        const path = `/v1/machines/${segment(machine)}/attestation`;
        if (what === "withdraw") {
          shell.show(await shell.client.remove<Accepted>(path, { reason }), () => [`Withdrawn: ${machine} is off only if its BMC says so`]);
          return "ok";
        }
        const body = { reason, ...(length === undefined ? {} : { for: length }) };
        const answer = await shell.client.post<Accepted & { until: string; counts: boolean; power: string }>(path, body);
        shell.show(answer, () => [
          answer.counts
            ? `${machine} counts as off until ${answer.until}, on your word. Its storage may be given to others: keep it off`
            : paint("red", `Your word does not count: something on ${machine} shows life (its power: ${answer.power})`),
        ]);
        return answer.counts ? "ok" : "failed";
      }),
    );
}
