import type { Command } from "commander";
import { readMachine, type Sending, send, sendingOptions } from "../sending.ts";
import type { Shell } from "../shell.ts";

interface Given extends Sending {
  readonly machine: string;
  readonly snapshot: string;
}

/** `restore`: begins etcd again from a snapshot. */
export function restoreCommand(program: Command, shell: Shell): void {
  const command = program
    .command("restore")
    .description("begin etcd again from a snapshot, on control planes that carry no etcd data")
    .requiredOption("--machine <machine>", "the control plane that begins")
    .requiredOption("--snapshot <name>", "as `lightsout snapshots` lists it");
  sendingOptions(command).action(
    shell.action(async ({ machine: given, snapshot, ...rest }: Given) => {
      const machine = readMachine(given);
      const asks = "Before etcd begins it asks, with the snapshot's age: what was written since is gone";
      const event = { type: "etcd-restore-requested", data: { machine, snapshot } };
      return send(shell, `restore ${snapshot} on ${machine}`, event, { ...rest, asks });
    }),
  );
}
