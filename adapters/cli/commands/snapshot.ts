import type { Command } from "commander";
import type { Snapshot } from "#adapters/http/port.ts";
import { type Sending, send, sendingOptions } from "../sending.ts";
import type { Shell } from "../shell.ts";
import { table } from "../text.ts";

/** `snapshot` and `snapshots`: takes one of etcd, and lists those that are kept. */
export function snapshotCommands(program: Command, shell: Shell): void {
  sendingOptions(program.command("snapshot").description("take a snapshot of etcd and keep it")).action(
    shell.action(async (given: Sending) => send(shell, "snapshot of etcd", { type: "etcd-snapshot-requested", data: {} }, given)),
  );
  program
    .command("snapshots")
    .description("list the snapshots of etcd that are kept, the newest first")
    .action(
      shell.action(async () => {
        const answer = await shell.client.get<{ snapshots: Snapshot[] }>("/v1/snapshots");
        shell.show(answer, () =>
          answer.snapshots.length === 0 ? ["No snapshot is kept"] : table(["NAME", "TAKEN", "BYTES", "WHERE"], answer.snapshots.map(row)),
        );
        return "ok";
      }),
    );
}

const row = ({ at, bytes, name, where }: Snapshot) => [name, at, String(bytes), where];
