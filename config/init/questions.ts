import { Failure, type InitAsked } from "#adapters/cli/mod.ts";
import type { Environment } from "../secret.ts";

/** How to log in. The password is a secret, and never written. */
export interface Login {
  readonly user: string;
  readonly variable: string;
  readonly password: string;
}

const usualVariable = "BMC_PASSWORD";

const missing = (what: string, hint: string) => new Failure("usage", `${what}, and nobody sits at a terminal to be asked`, { hint });

/** The addresses that were given, or the one that a person names. */
export async function askAddresses({ addresses, terminal }: InitAsked): Promise<readonly string[]> {
  if (addresses.length > 0) return addresses;
  if (!terminal) throw missing("No address of a BMC is given", "lightsout init 10.0.10.11 --user lightsout --password-env BMC_PASSWORD");
  return [(await terminal.ask("Address of a BMC: ")).trim()];
}

/** The account and its password, from options, the environment, or a person. */
export async function askLogin({ passwordEnv, terminal, user: given }: InitAsked, env: Environment): Promise<Login> {
  if (given === undefined && !terminal) throw missing("No account is given", "Add --user <name>");
  const user = given ?? ((await terminal?.ask("Account on the BMC [lightsout]: ")) || "lightsout");
  const variable =
    passwordEnv ?? ((terminal && (await terminal.ask(`Environment variable with its password [${usualVariable}]: `))) || usualVariable);
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(variable)) {
    throw new Failure("usage", `"${variable}" is not the name of an environment variable`, {
      hint: `Write a name such as ${usualVariable}, not the password`,
    });
  }
  const known = Object.hasOwn(env, variable) ? env[variable] : undefined;
  if (known !== undefined && known !== "") return { user, variable, password: known };
  const hint = `export ${variable}=… and try again: the password itself is never an option`;
  if (!terminal) throw missing(`The environment variable ${variable} is not set`, hint);
  const password = await terminal.askSecret(`Password of ${user} (not shown, and not written): `);
  if (password === "") throw new Failure("failed", "No password was given: nothing is written", { hint });
  return { user, variable, password };
}

/** Whether the certificate that a BMC shows is believed. Without a terminal it is, as on every first use. */
export async function askTrust({ pin, terminal }: InitAsked, address: string, fingerprint: string): Promise<void> {
  if (pin !== undefined) {
    const digits = pin
      .replace(/^sha-?256[:=/ ]?/i, "")
      .replaceAll(":", "")
      .toLowerCase();
    if (digits === fingerprint) return;
    throw new Failure(
      "failed",
      `${address} shows the certificate sha256 ${fingerprint}, which is not the one of --pin: nothing is written`,
      {
        hint: "Compare it with what the BMC's own page shows; if they differ, somebody stands in between",
      },
    );
  }
  if (!terminal) return;
  const answer = await terminal.ask("Is this the BMC's own certificate, to be trusted and pinned? [y/N] ");
  if (/^y(es)?$/i.test(answer.trim())) return;
  throw new Failure("failed", "Its certificate is not trusted: no password was sent, and nothing is written", {
    hint: "Compare the fingerprint with what the BMC's own page shows, and try again",
  });
}

/** What the machine is called: as it was given, as a person says, or by its address. */
export async function askName({ name, terminal }: InitAsked, address: string, taken: readonly string[]): Promise<string> {
  const proposed = nameFor(address, taken);
  return name ?? ((terminal && (await terminal.ask(`Name of the machine [${proposed}]: `)).trim()) || proposed);
}

/** The host name of a BMC without what makes it a BMC's; for an IP address the next number that is free. */
function nameFor(address: string, taken: readonly string[]): string {
  const [label = ""] = address.split(".");
  const own = label.replace(/^(bmc|idrac|ilo|ipmi|mgmt)-/, "").replace(/-(bmc|idrac|ilo|ipmi|mgmt)$/, "");
  if (/^[a-z]/.test(own) && own !== "localhost" && !address.includes(":") && !taken.includes(own)) return own;
  for (let number = 1; ; number += 1) {
    const next = `machine-${String(number).padStart(2, "0")}`;
    if (!taken.includes(next)) return next;
  }
}
