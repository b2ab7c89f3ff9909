import type { Command } from "commander";
import { Failure } from "../failure.ts";
import { readMachine, readVersion, type Sending, send, sendingOptions } from "../sending.ts";
import type { Shell } from "../shell.ts";

interface Given extends Sending {
  readonly pool?: string;
  readonly all?: boolean;
  readonly to?: string;
  readonly cold?: boolean;
  readonly confirm?: string;
}

/** `upgrade`: brings Talos on one machine, a pool or all machines to a version. */
export function upgradeCommand(program: Command, shell: Shell): void {
  const command = program
    .command("upgrade")
    .description("bring Talos to the declared version, or to another: one machine, a pool, or all, one after the other")
    .argument("[machine]")
    .option("--pool <pool>", "every machine of a pool, a canary of each hardware profile first")
    .option("--all", "every machine")
    .option("--to <version>", "not to what is declared, but to this, such as v1.13.9")
    .option("--cold", "of one machine: restart through the firmware, which proves that it starts from cold")
    .option("--confirm <machine>", "of one machine: name it again, where it carries Lightsout or is the only control plane");
  sendingOptions(command).action(
    shell.action(async (machine: string | undefined, { pool, all, to, cold, confirm, ...rest }: Given) => {
      if ([machine, pool, all].filter((one) => one !== undefined).length !== 1) {
        throw new Failure("usage", "Say what is to be upgraded", { hint: "Give a machine, --pool <pool> or --all, and one of them only" });
      }
      const version = to === undefined ? undefined : readVersion(to, "v1.13.9");
      const goal = version === undefined ? "" : ` to ${version}`;
      if (machine !== undefined) {
        const data = { machine: readMachine(machine), version, cold, confirm };
        return send(shell, `upgrade ${machine}${goal}`, { type: "upgrade-requested", data }, rest);
      }
      const single = cold ? "--cold" : confirm === undefined ? undefined : "--confirm";
      if (single) throw new Failure("usage", `${single} is for one machine`, { hint: "Canaries are restarted cold by themselves" });
      return send(shell, `upgrade of ${pool ?? "all machines"}${goal}`, { type: "rollout-requested", data: { pool, version } }, rest);
    }),
  );
}
