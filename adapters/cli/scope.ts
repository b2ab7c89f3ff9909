import { Failure } from "./failure.ts";

/** What a command is about: `<scope> <name>`, or a machine's name alone. */
export function readScope(first: string, second: string | undefined, scopes: readonly string[]): { scope: string; name: string } {
  const name = second ?? first;
  const scope = second === undefined ? "machine" : first;
  if (name === "") throw new Failure("usage", "The name is empty", { hint: "`lightsout machines` lists names and pools" });
  if (scopes.includes(scope)) return { scope, name };
  throw new Failure("usage", `"${scope}" is not one of ${scopes.join(", ")}`, {
    hint: `Write it like: ${scopes.join("|")} <name>, or a machine's name alone`,
  });
}
