import type { Command } from "commander";
import type { DeadLetter } from "#adapters/http/port.ts";
import { type Accepted, tell } from "../accepted.ts";
import { Failure } from "../failure.ts";
import type { Shell } from "../shell.ts";
import { table } from "../text.ts";

/** `dead`: events that came to nothing, and another try for them. */
export function deadCommand(program: Command, shell: Shell): void {
  const dead = program.command("dead").description("events that no run could be made of, or whose run failed");
  dead
    .command("list", { isDefault: true })
    .description("list them")
    .action(
      shell.action(async () => {
        const answer = await shell.client.get<{ dead: DeadLetter[] }>("/v1/dead");
        shell.show(answer, () =>
          answer.dead.length === 0 ? ["No dead letters"] : table(["SEQ", "AT", "EVENT", "FUNCTION", "RUN", "REASON"], answer.dead.map(row)),
        );
        return "ok";
      }),
    );
  dead
    .command("replay")
    .description("send the event again, as a new one that names this as its cause")
    .argument("<seq>", "its number in the list")
    .action(
      shell.action(async (seq: string) => {
        if (!/^[1-9]\d{0,14}$/.test(seq)) throw new Failure("usage", `"${seq}" is not a number`, { hint: "`lightsout dead` lists them" });
        return tell(shell, `dead letter ${seq} again`, await shell.client.post<Accepted>(`/v1/dead/${seq}/replay`));
      }),
    );
}

const row = ({ seq, at, event, function: name, run, reason }: DeadLetter) => [
  String(seq),
  at,
  typeof event === "object" && event !== null && "type" in event ? String(event.type) : "unreadable",
  name,
  run?.slice(0, 12),
  reason,
];
