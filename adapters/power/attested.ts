import { type Attestation, DeviceError, UnsupportedError } from "#events";
import type { Power, Powers } from "./port.ts";

export interface AttestedOptions {
  readonly powers: Powers;
  /** Who says now that the machine is off, if anybody does. */
  readonly attestation: (machine: string) => Promise<Attestation | undefined>;
  /** What on the machine answers, if anything does. Throws when nobody could be asked. */
  readonly life: (machine: string, signal?: AbortSignal) => Promise<string | undefined>;
  /** The machine showed life: the word no longer counts. */
  readonly end: (machine: string, why: string) => Promise<void>;
}

/**
 * Power in which a person's word counts where the BMC has none: a machine whose BMC is silent or missing reads off while somebody attests
 * it and nothing on it answers. A BMC that answers is always believed before a person; any sign of life ends the word. Nothing can be
 * switched by it: whoever attested the off turns the machine on.
 */
export function attestedPowers({ powers, attestation, life, end }: AttestedOptions): Powers {
  /** The word that counts now in place of the BMC's; rethrows why the BMC says nothing when there is none. */
  const word = async (machine: string, silence: unknown, signal: AbortSignal | undefined): Promise<string> => {
    if (!(silence instanceof DeviceError || silence instanceof UnsupportedError)) throw silence;
    const given = await attestation(machine);
    if (!given) throw silence;
    const living = await life(machine, signal);
    if (living === undefined) return `off, attested by ${given.by} until ${given.until}: ${given.reason}`;
    await end(machine, `it shows life: ${living}`);
    throw silence;
  };

  const counting = (machine: string, real: () => Power): Pick<Power, "state" | "activity"> => ({
    async state(signal) {
      try {
        const status = await real().state(signal);
        if (status.state === "on" && (await attestation(machine))) await end(machine, `its BMC reads ${status.raw}`);
        return status;
      } catch (error) {
        return { state: "off", raw: await word(machine, error, signal) };
      }
    },
    async activity(signal) {
      try {
        return await real().activity(signal);
      } catch (error) {
        return { firmwareUpdate: false, booting: false, raw: await word(machine, error, signal) };
      }
    },
  });

  return {
    of(machine) {
      const real = () => powers.of(machine);
      try {
        return { ...real(), ...counting(machine, real) };
      } catch (error) {
        if (!(error instanceof UnsupportedError)) throw error;
        return { ...absent(machine, error), ...counting(machine, real) };
      }
    },
  };
}

/** A machine without a BMC: every verb answers what asking for it answered. */
function absent(machine: string, error: UnsupportedError): Power {
  const none = async (): Promise<never> => {
    throw error;
  };
  return {
    machine,
    protocol: "wol",
    capabilities: async () => new Set(),
    state: none,
    on: none,
    off: none,
    reset: none,
    bootOnce: none,
    bootOverride: none,
    identity: none,
    lastReset: none,
    eventLog: none,
    powerReading: none,
    identify: none,
    resetController: none,
    activity: none,
    close: async () => undefined,
  };
}
