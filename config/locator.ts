import { randomUUID } from "node:crypto";
import type { Desk } from "#adapters/http/port.ts";
import { machineIdentified, type Office } from "#events";
import type { Ports } from "#functions/define.ts";

const patienceMs = 20_000;

/** Blinks locator lights, and writes down who asked for it. No act: it needs no permit, and no guard stands against finding a box. */
export const createLocator =
  ({ bus, site }: Office, { inventory, power }: Pick<Ports, "inventory" | "power">): Desk["identify"] =>
  async (name, seconds, by) => {
    const machine = inventory.machine(name).name;
    await power.of(machine).identify(seconds, AbortSignal.timeout(patienceMs));
    await bus.publish(machineIdentified, { machine, seconds, by }, { id: randomUUID(), source: `lightsout/${site}/http`, actor: by });
  };
