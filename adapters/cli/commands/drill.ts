import type { Command } from "commander";
import { drillRequested } from "#events";
import { type Accepted, showPlan, tell } from "../accepted.ts";
import type { Shell } from "../shell.ts";

/** `drill`: an approved drain, off and on, measured. */
export function drillCommand(program: Command, shell: Shell): void {
  program
    .command("drill")
    .description("drain a machine, switch it off and on, and measure it: what trust `auto` rests on; it asks first")
    .argument("<machine>")
    .option("--reason <text>", "why; kept in the ledger")
    .option("--confirm <machine>", "name the machine again, where it carries Lightsout itself")
    .option("--plan", "show what would be done, and do nothing")
    .option("--wait", "go along until it has finished or waits for a person")
    .action(
      shell.action(
        async (machine: string, { plan, wait, ...rest }: { plan?: boolean; wait?: boolean; reason?: string; confirm?: string }) => {
          const event = { type: drillRequested.type, data: { machine, ...rest } };
          if (plan) return showPlan(shell, await shell.client.post("/v1/events?plan=true", event), event.type);
          return tell(shell, `drill ${machine}`, await shell.client.post<Accepted>("/v1/events", event), { wait });
        },
      ),
    );
}
