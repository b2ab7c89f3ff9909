import type { Command } from "commander";
import type { Question } from "#adapters/http/port.ts";
import type { Shell } from "../shell.ts";
import { table } from "../text.ts";

/** `questions`: what waits for a person. */
export function questionsCommand(program: Command, shell: Shell): void {
  program
    .command("questions")
    .description("list what runs ask; decide with `lightsout approve <run>`")
    .action(
      shell.action(async () => {
        const answer = await shell.client.get<{ questions: Question[] }>("/v1/questions");
        shell.show(answer, () =>
          answer.questions.length === 0
            ? ["Nothing is asked"]
            : table(
                ["RUN", "FUNCTION", "MACHINE", "ASKS", "WHOM", "UNTIL"],
                answer.questions.map(({ run, function: name, machine, ask, from, until }) => [
                  run.slice(0, 12),
                  name,
                  machine,
                  ask,
                  from,
                  until,
                ]),
              ),
        );
        return "ok";
      }),
    );
}
