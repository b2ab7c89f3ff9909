import { stringify } from "yaml";
import type { BmcAbout, BmcIdentity, PowerStatus } from "#adapters/power/port.ts";
import { LightsoutError, systemClock } from "#events";
import { parseConfig } from "../load.ts";
import { createPowers } from "../powers.ts";
import type { Login } from "./questions.ts";

/** How a BMC is reached, as `lightsout.yaml` writes it; every value a text. */
export interface WrittenBmc {
  readonly kind: "redfish" | "ipmi";
  readonly address: string;
  readonly port?: string;
  readonly user: string;
  readonly password: string;
  readonly tls?: { readonly pin: string; readonly legacy?: "true" };
}

/** What a BMC says of its machine. */
export interface Met {
  readonly state: PowerStatus;
  readonly identity: BmcIdentity;
  readonly about: BmcAbout;
}

/** Logs in as the file will, reads, and logs out. Throws what the BMC's refusal is: `LO_BMC_AUTH`, `LO_BMC_UNREACHABLE`. */
export async function meet(name: string, bmc: WrittenBmc, login: Login, withinMs: number): Promise<Met> {
  const text = stringify({ machines: [{ name, bmc }] });
  const { machines } = parseConfig(text, { file: name, folder: ".", env: { [login.variable]: login.password } });
  const nobody = { get: () => undefined, set: () => undefined };
  const powers = createPowers({ machines, clock: systemClock, pins: nobody });
  const signal = AbortSignal.timeout(withinMs);
  try {
    const state = await powers.of(name).state(signal);
    return { state, identity: await powers.of(name).identity(signal), about: await powers.about(name, signal) };
  } catch (error) {
    if (!(error instanceof LightsoutError)) throw error;
    throw new LightsoutError(error.code, `${error.message}: nothing is written`, {
      cause: error,
      ...(error.hint !== undefined && { hint: error.hint }),
    });
  } finally {
    await powers.close();
  }
}
