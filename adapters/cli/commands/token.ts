import type { Command } from "commander";
import { createToken } from "#adapters/http/token.ts";
import type { Shell } from "../shell.ts";

/** `token`: makes a token and says where its digest goes. */
export function tokenCommand(program: Command, shell: Shell): void {
  program
    .command("token")
    .description("make a token for the API; it is shown once and kept nowhere")
    .action(
      shell.action(async () => {
        const made = createToken();
        shell.show(made, () => [
          `token   ${made.token}`,
          `sha256  ${made.sha256}`,
          "",
          "Keep the token: it is not shown again. In lightsout.yaml:",
          "  http:",
          "    tokens:",
          `      - { name: me, role: operator, sha256: ${made.sha256} }   # or viewer, admin`,
          "Then: export LIGHTSOUT_TOKEN=<the token>",
        ]);
        return "ok";
      }),
    );
}
