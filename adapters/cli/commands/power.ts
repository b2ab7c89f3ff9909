import { Argument, type Command } from "commander";
import { type Accepted, showPlan, tell } from "../accepted.ts";
import { segment } from "../client.ts";
import { Failure } from "../failure.ts";
import type { Shell } from "../shell.ts";

interface Given {
  readonly hard?: boolean;
  readonly reason?: string;
  readonly confirm?: string;
  readonly plan?: boolean;
  readonly wait?: boolean;
}

/** `power`: on, off or a cycle, through all guards. */
export function powerCommand(program: Command, shell: Shell): void {
  program
    .command("power")
    .description("bring a machine on, take it off, or cycle it; every guard is asked")
    .addArgument(new Argument("<action>").choices(["on", "off", "cycle"]))
    .argument("<machine>")
    .option("--hard", "cut the power; else the operating system is asked first")
    .option("--reason <text>", "why; kept in the ledger")
    .option("--confirm <machine>", "name the machine again, where it carries Lightsout itself")
    .option("--plan", "show what would be done, and do nothing")
    .option("--wait", "go along until it has finished or waits for a person")
    .action(
      shell.action(async (action: string, machine: string, { plan, wait, ...rest }: Given) => {
        if (machine === "") throw new Failure("usage", "The machine's name is empty", { hint: "`lightsout machines` lists them" });
        const path = `/v1/machines/${segment(machine)}/power`;
        const body = { action, ...rest };
        if (plan) return showPlan(shell, await shell.client.post(`${path}?plan=true`, body));
        return tell(shell, `power ${action} ${machine}`, await shell.client.post<Accepted>(path, body), { wait });
      }),
    );
}
