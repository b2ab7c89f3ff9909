import type { Command } from "commander";
import { humanDuration, isDuration } from "#events";
import { segment } from "../client.ts";
import { Failure } from "../failure.ts";
import { readMachine } from "../sending.ts";
import type { Shell } from "../shell.ts";

interface Given {
  readonly for?: string;
  readonly off?: boolean;
}

/** `identify`: which box is it? Its locator light blinks. */
export function identifyCommand(program: Command, shell: Shell): void {
  program
    .command("identify")
    .description("blink a machine's locator light, to see that its name is on the right box")
    .argument("<machine>")
    .option("--for <duration>", "how long, such as 2m, at most 4m (default 30s)")
    .option("--off", "stop it")
    .action(
      shell.action(async (given: string, { for: length, off }: Given) => {
        const machine = readMachine(given);
        if (length !== undefined && !isDuration(length)) {
          throw new Failure("usage", `"${length}" is not a duration`, { hint: "Write it like 30s or 2m" });
        }
        if (off && length !== undefined) throw new Failure("usage", "--off and --for contradict each other", { hint: "Give one of them" });
        const body = { ...(length === undefined ? {} : { for: length }), ...(off ? { off } : {}) };
        const answer = await shell.client.post<{ seconds: number }>(`/v1/machines/${segment(machine)}/identify`, body);
        shell.show(answer, () => [
          answer.seconds === 0
            ? `The light of ${machine} is off`
            : `The light of ${machine} blinks for ${humanDuration(answer.seconds * 1000)}; stop it with: lightsout identify ${machine} --off`,
        ]);
        return "ok";
      }),
    );
}
