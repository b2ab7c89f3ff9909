import { LightsoutError } from "#events";
import type { Exit } from "./exit-codes.ts";

/** A command that ends here: what failed, on what, what to do next, and the exit code. */
export class Failure extends LightsoutError {
  override readonly name = "Failure";
  readonly exit: Exit;
  constructor(exit: Exit, message: string, more: { hint?: string; code?: string } = {}) {
    super(more.code ?? `LO_CLI_${exit.toUpperCase()}`, message, more.hint === undefined ? {} : { hint: more.hint });
    this.exit = exit;
  }
}
