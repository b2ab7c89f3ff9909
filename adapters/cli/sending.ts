import type { Command } from "commander";
import { type Accepted, showPlan, tell } from "./accepted.ts";
import type { Exit } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import type { Shell } from "./shell.ts";

/** What every command that sends an event takes. */
export interface Sending {
  readonly reason?: string;
  readonly plan?: boolean;
  readonly wait?: boolean;
}

/** Gives a command the options of `Sending`. */
export const sendingOptions = (command: Command): Command => goingOptions(command.option("--reason <text>", "why"));

/** Gives a command the options of `Sending` but for the reason, which some events do not keep. */
export const goingOptions = (command: Command): Command =>
  command
    .option("--plan", "show what would be done, and do nothing")
    .option("--wait", "go along until it has finished or waits for a person");

/**
 * Sends an event, or with `--plan` shows what would follow.
 *
 * @param options.asks what a person will be asked before anything is done
 */
export async function send(
  shell: Shell,
  what: string,
  event: { readonly type: string; readonly data: Readonly<Record<string, unknown>> },
  options: Sending & { readonly asks?: string },
): Promise<Exit> {
  const { asks, plan, reason, wait } = options;
  const { type } = event;
  const body = { type, data: { ...present(event.data), ...present({ reason }) } };
  if (plan) return showPlan(shell, await shell.client.post("/v1/events?plan=true", body), type);
  const accepted = await shell.client.post<Accepted>("/v1/events", body);
  return tell(shell, what, accepted, { wait, type, ...(asks !== undefined && { asks }) });
}

const present = (data: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(data).filter(([, value]) => value !== undefined));

/** A version with its `v`; throws for what is none. */
export function readVersion(given: string, example: string): string {
  const match = /^v?(\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?)$/.exec(given);
  if (match) return `v${match[1]}`;
  throw new Failure("usage", `"${given}" is not a version`, { hint: `Write it whole, such as ${example}` });
}

/** A machine's name as it was given; throws for an empty one. */
export function readMachine(given: string): string {
  if (given !== "") return given;
  throw new Failure("usage", "The machine's name is empty", { hint: "`lightsout machines` lists them" });
}
