import { readFileSync } from "node:fs";
import { rootCertificates } from "node:tls";
import { createIpmiPower, createIpmiTransport } from "#adapters/power/ipmi/mod.ts";
import type { BmcAbout, Power, Powers, Surveyed } from "#adapters/power/port.ts";
import { createRedfishPower, type Pins, type RedfishTls } from "#adapters/power/redfish/mod.ts";
import { type Clock, type FunctionSpec, milliseconds, UnsupportedError } from "#events";
import { kgBytes, usualPort } from "./schema/bmc.ts";
import type { BmcConfig, MachineConfig } from "./schema.ts";

/**
 * Reads the power of a machine as soon as something is asked of it, while the event is still being stored: the login at its BMC takes longer
 * than what is written before an act, and a session that has died is noticed here and not in the act.
 */
export const greeter =
  (powers: Powers) =>
  (spec: Pick<FunctionSpec, "uses">, machine: string): void => {
    if (!spec.uses.includes("power")) return;
    // Whatever is wrong with it, the run finds out and tells.
    const greet = async () => powers.of(machine).state();
    greet().catch(() => undefined);
  };

/** The machines' power, and what else their BMCs tell of themselves. */
export interface OpenPowers extends Powers {
  about(machine: string, signal?: AbortSignal): Promise<BmcAbout>;
  close(): Promise<void>;
}

/** Every machine's power by the protocol its configuration names. */
export function createPowers(options: { machines: readonly MachineConfig[]; clock: Clock; pins: Pins }): OpenPowers {
  const { machines, clock, pins } = options;
  const transport = createIpmiTransport({ clock });
  const powers = new Map<string, Power & Surveyed>();
  for (const machine of machines) {
    if (machine.bmc) powers.set(machine.name, createPower(machine, machine.bmc));
  }

  function createPower(machine: MachineConfig, bmc: BmcConfig): Power & Surveyed {
    const { uuid, serial } = machine;
    const shared = {
      machine: machine.name,
      user: bmc.user,
      password: bmc.password.reveal(),
      expect: { ...(uuid === undefined ? {} : { uuid }), ...(serial === undefined ? {} : { serial }) },
      clock,
      ...(bmc.spacing === undefined ? {} : { spacingMs: milliseconds(bmc.spacing) }),
    };
    if (bmc.kind === "ipmi") {
      return createIpmiPower({
        ...shared,
        host: bmc.address,
        port: bmc.port ?? usualPort("ipmi", false),
        transport,
        ...(bmc.kg === undefined ? {} : { kg: kgBytes(bmc.kg) }),
        ...(bmc.cipherSuite === undefined ? {} : { cipherSuite: bmc.cipherSuite }),
      });
    }
    const host = bmc.address.includes(":") ? `[${bmc.address}]` : bmc.address;
    return createRedfishPower({
      ...shared,
      address: `${host}:${bmc.port ?? usualPort("redfish", bmc.tls.verify === "plain")}`,
      auth: bmc.auth,
      tls: redfishTls(bmc.tls),
    });
  }

  function redfishTls(tls: Extract<BmcConfig, { kind: "redfish" }>["tls"]): RedfishTls {
    const { legacy } = tls;
    if (tls.verify === "plain") return { plain: true };
    if (tls.verify === "pin") return { pin: tls.pin, legacy };
    if (tls.verify === "first-use") return { pins, legacy };
    return { ca: tls.ca === undefined ? rootCertificates.join("\n") : readFileSync(tls.ca, "utf8"), legacy };
  }

  const of = (machine: string): Power & Surveyed => {
    const power = powers.get(machine);
    if (power) return power;
    throw new UnsupportedError(machine, "power", "it has no BMC in the inventory", {
      hint: "What cannot be proven is not guessed: switch it by hand, or give it a bmc in lightsout.yaml",
    });
  };

  return {
    of,
    about: (machine, signal) => of(machine).about(signal),
    async close() {
      await Promise.allSettled([...powers.values()].map((power) => power.close()));
      await transport.close();
    },
  };
}
