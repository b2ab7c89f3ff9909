import type { Command } from "commander";
import { builtinEvents } from "#events";
import type { Shell } from "../shell.ts";
import { jsonText } from "../text.ts";

/** `openapi`: the HTTP API as a document, without a server. */
export function openapiCommand(program: Command, shell: Shell): void {
  program
    .command("openapi")
    .description("print the HTTP API as an OpenAPI 3.1 document; nobody is asked")
    .action(
      shell.action(async () => {
        // Only this command needs the routes; no other is to wait for them.
        const [{ createDocument }, { routes }] = await Promise.all([
          import("#adapters/http/openapi/document.ts"),
          import("#adapters/http/routes/mod.ts"),
        ]);
        shell.hooks.out(jsonText(createDocument(routes, { version: program.version() ?? "", events: builtinEvents })));
        return "ok";
      }),
    );
}
