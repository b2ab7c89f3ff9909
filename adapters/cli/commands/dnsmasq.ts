import type { Command } from "commander";
import type { Shell } from "../shell.ts";

/** `dnsmasq`: the configuration for the DHCP and TFTP server beside the boot server. */
export function dnsmasqCommand(program: Command, shell: Shell): void {
  program
    .command("dnsmasq")
    .description("print the dnsmasq configuration for the machines of the inventory")
    .action(
      shell.action(async () => {
        const answer = await shell.client.get<{ text: string }>("/v1/dnsmasq");
        shell.show(answer, () => answer.text.trimEnd().split("\n"));
        return "ok";
      }),
    );
}
