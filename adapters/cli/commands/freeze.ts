import type { Command } from "commander";
import type { Accepted } from "../accepted.ts";
import { Failure } from "../failure.ts";
import type { Shell } from "../shell.ts";
import { paint } from "../text.ts";

interface Frozen {
  readonly reason: string;
  readonly by: string;
  readonly since: string;
}

/** `before` is absent where the server could not tell. */
type Answer = Accepted & { readonly frozen: Frozen | null; readonly before?: Frozen | null };

/** A freeze that did not get through must not be the end of it. */
function orByFile(error: unknown): never {
  if (!(error instanceof Failure) || error.exit === "unauthorised") throw error;
  const { code, exit, hint, message } = error;
  const file = "Where Lightsout runs a file stops it whatever is down: touch STOP, beside its lightsout.yaml";
  throw new Failure(exit, message, { code, hint: hint === undefined ? file : `${hint}. ${file}` });
}

/** A STOP file has no time. */
const whose = ({ by, since, reason }: Frozen) => `by ${by}${since === "" ? "" : ` since ${since}`}: ${reason}`;

/** `freeze` and `unfreeze`: the stop for everything. */
export function freezeCommands(program: Command, shell: Shell): void {
  program
    .command("freeze")
    .description("stop every act on every machine, now; runs wait")
    // Whoever needs it is in a hurry: a reason is welcome and not demanded.
    .option("--reason <text>", "why", "no reason given")
    .action(
      shell.action(async ({ reason }: { reason: string }) => {
        const answer = await shell.client.post<Answer>("/v1/freeze", { reason }).catch(orByFile);
        shell.show(answer, () => [
          "Frozen: nothing is powered until `lightsout unfreeze`",
          ...(answer.before ? [paint("yellow", `It was frozen already ${whose(answer.before)}`)] : []),
        ]);
        return "ok";
      }),
    );
  program
    .command("unfreeze")
    .description("let acts go on")
    .option("--reason <text>", "why")
    .action(
      shell.action(async (body: { reason?: string }) => {
        const answer = await shell.client.remove<Answer>("/v1/freeze", body);
        const { frozen, before } = answer;
        shell.show(answer, () => {
          if (frozen) return [paint("yellow", `Still frozen ${whose(frozen)}`)];
          return [before === null ? "It was not frozen: acts go on as before" : "Acts go on"];
        });
        return frozen ? "failed" : "ok";
      }),
    );
}
