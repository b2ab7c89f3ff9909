import type { Command } from "commander";
import { readVersion, type Sending, send, sendingOptions } from "../sending.ts";
import type { Shell } from "../shell.ts";

/** `kubernetes-upgrade`: brings Kubernetes to a version, at most one minor higher. */
export function kubernetesUpgradeCommand(program: Command, shell: Shell): void {
  const command = program
    .command("kubernetes-upgrade")
    .description("bring Kubernetes to a version: its own or the next minor, part by part")
    .requiredOption("--to <version>", "such as v1.36.3");
  sendingOptions(command).action(
    shell.action(async ({ to, ...rest }: Sending & { readonly to: string }) => {
      const version = readVersion(to, "v1.36.3");
      return send(shell, `Kubernetes to ${version}`, { type: "kubernetes-upgrade-requested", data: { version } }, rest);
    }),
  );
}
