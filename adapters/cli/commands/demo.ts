import { Argument, type Command, Option } from "commander";
import { Failure } from "../failure.ts";
import type { DemoAsked, Shell } from "../shell.ts";

type Told = Pick<DemoAsked, "store"> & { readonly fault?: "rollback" };

/** `demo`: a simulated rack loses a machine and gets it back, or is upgraded, rebuilt or made. */
export function demoCommand(program: Command, shell: Shell): void {
  program
    .command("demo")
    .description("show on a simulated rack how a lost machine comes back, or another story")
    .addArgument(new Argument("[story]", "else a machine is lost and comes back").choices(["upgrade", "rebuild", "bootstrap"]))
    .option("--store <url>", "the event store, such as nats://127.0.0.1:4222; else one in this process")
    .addOption(new Option("--fault <fault>", "of an upgrade: the new version does not start").choices(["rollback"]))
    .action(
      shell.action((story: DemoAsked["story"], { fault, store }: Told) => {
        if (fault !== undefined && story !== "upgrade")
          throw new Failure("usage", `--fault ${fault} is of an upgrade`, { hint: `lightsout demo upgrade --fault ${fault}` });
        return shell.hooks.demo({
          json: shell.json,
          ...(story !== undefined && { story }),
          ...(store !== undefined && { store }),
          ...(fault !== undefined && { rollback: true }),
        });
      }),
    );
}
