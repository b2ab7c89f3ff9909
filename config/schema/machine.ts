import { z } from "zod";
import { isPlaceholderSerial, isPlaceholderUuid, normaliseUuid } from "#events";
import { host, mac } from "./address.ts";
import { sharedBmc, writtenBmc } from "./bmc.ts";
import { named, section } from "./section.ts";
import { sharedTalos, writtenTalos } from "./talos.ts";
import { choice, duration, flag, Refused, text, value, whole } from "./value.ts";

const dns = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;

const name = value("a name of lower-case letters, digits and -", (given) =>
  dns.test(given) ? given : new Refused("cannot be a name", "Write up to 63 lower-case letters, digits, - and ., such as gpu-01"),
);

const whereUuid = "Read it with `dmidecode -s system-uuid` or `talosctl get systeminformation`, or leave the key out";

const uuid = value("the SMBIOS uuid", (given) => {
  const found = normaliseUuid(given);
  if (found === undefined) return new Refused("is not a uuid", whereUuid);
  return isPlaceholderUuid(found)
    ? new Refused("is a maker's placeholder: other boards have it too", "Leave the key out; serial and macs identify the machine")
    : found;
});

const serial = value("the serial number", (given) =>
  isPlaceholderSerial(given) || given.length > 100
    ? new Refused("identifies no machine", "Leave the key out; uuid and macs identify it")
    : given,
);

const role = choice(["worker", "control-plane"], { controlplane: "Write control-plane", master: "Write control-plane" });

/** How much Lightsout may do: only show, ask first, or act. */
export const trust = choice(["observe", "ask", "auto"]);

const kindOfMachine = {
  role: role.optional(),
  gpus: whole(0, 64).optional(),
  bootTime: duration("2h").optional(),
  foundOff: choice(["ask", "power-on"]).optional(),
  pet: flag.optional(),
  bmc: sharedBmc.optional(),
  talos: sharedTalos.optional(),
};

/** `defaults`: what holds for every machine that does not say otherwise. */
export const machineDefaults = section({ ...kindOfMachine, pool: name.optional() });

/** `pools`: what holds for the machines of one pool. */
export const pools = named(
  dns,
  section({ ...kindOfMachine, trust: trust.optional(), patience: duration("24h").optional(), disposable: flag.optional() }).prefault({}),
);

/** One of `machines`, as it is written. */
export const writtenMachine = section({
  ...kindOfMachine,
  name,
  uuid: uuid.optional(),
  serial: serial.optional(),
  macs: z.array(mac).default([]),
  pool: name.optional(),
  rack: text("the name of the rack").optional(),
  domains: z.array(text("the name of a switch or PDU, such as switch:tor-1")).default([]),
  bmc: writtenBmc.optional(),
  talos: writtenTalos.optional(),
  node: value("the name of the Kubernetes Node", (given) =>
    /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(given)
      ? given
      : new Refused("cannot be a Node's name", "Write it as `kubectl get nodes` prints it"),
  ).optional(),
  address: host.optional(),
  trust: trust.optional(),
  patience: duration("24h").optional(),
  disposable: flag.optional(),
  carriesLightsout: flag.default(false),
});

export type WrittenMachine = z.output<typeof writtenMachine>;
export type MachineDefaults = z.output<typeof machineDefaults>;
export type Pools = z.output<typeof pools>;
