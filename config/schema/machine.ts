import { z } from "zod";
import { isPlaceholderSerial, isPlaceholderUuid, normaliseUuid } from "#events";
import { host, mac } from "./address.ts";
import { sharedBmc, writtenBmc } from "./bmc.ts";
import { named, section } from "./section.ts";
import { sharedTalos, writtenTalos } from "./talos.ts";
import { choice, duration, flag, like, Refused, text, value, whole, word } from "./value.ts";

const dns = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;

const nodeName = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;

const name = value(
  "a name of lower-case letters, digits and -",
  (given) =>
    dns.test(given) ? given : new Refused("cannot be a name", "Write up to 63 lower-case letters, digits, - and ., such as gpu-01"),
  word(dns, "gpu-01"),
);

const whereUuid = "Read it with `dmidecode -s system-uuid` or `talosctl get systeminformation`, or leave the key out";

const uuid = value(
  "the SMBIOS uuid",
  (given) => {
    const found = normaliseUuid(given);
    if (found === undefined) return new Refused("is not a uuid", whereUuid);
    return isPlaceholderUuid(found)
      ? new Refused("is a maker's placeholder: other boards have it too", "Leave the key out; serial and macs identify the machine")
      : found;
  },
  like(/^\{?[0-9A-Fa-f]{8}(-?[0-9A-Fa-f]{4}){3}-?[0-9A-Fa-f]{12}\}?$/, "4c4c4544-0043-3010-8052-b4c04f564231"),
);

const serial = value("the serial number", (given) =>
  isPlaceholderSerial(given) || given.length > 100
    ? new Refused("identifies no machine", "Leave the key out; uuid and macs identify it")
    : given,
);

const role = choice(["worker", "control-plane"], { controlplane: "Write control-plane", master: "Write control-plane" });

/** How much Lightsout may do: only show, ask first, or act. */
export const trust = choice(["observe", "ask", "auto"]);

const kindOfMachine = {
  role: role.optional().describe("What it is to the cluster; default worker."),
  gpus: whole(0, 64).optional().describe("How many GPUs must be allocatable before it serves again; default 0."),
  bootTime: duration("2h").optional().describe("Power on to Ready; default 10m with GPUs, 5m without."),
  foundOff: choice(["ask", "power-on"]).optional().describe("What to do when it is found off without our doing; default ask."),
  pet: flag.optional().describe("Irreplaceable: whatever disrupts it asks first; default false."),
  bmc: sharedBmc.optional().describe("What its BMC shares with others."),
  talos: sharedTalos.optional().describe("What it is meant to run."),
};

const ofMachineOrPool = {
  trust: trust.optional().describe("How much Lightsout may do: observe shows, ask asks a person, auto acts."),
  patience: duration("24h").optional().describe("How long a lost machine may take to come back by itself."),
  disposable: flag.optional().describe("May be wiped without asking; default false."),
};

/** `defaults`: what holds for every machine that does not say otherwise. */
export const machineDefaults = section({
  ...kindOfMachine,
  pool: name.optional().describe("The pool of machines that name none; default default."),
});

/** `pools`: what holds for the machines of one pool. */
export const pools = named(dns, section({ ...kindOfMachine, ...ofMachineOrPool }).prefault({}));

/** One of `machines`, as it is written. */
export const writtenMachine = section({
  ...kindOfMachine,
  ...ofMachineOrPool,
  name: name.describe("Its name, up to 63 lower-case letters, digits, - and dots."),
  uuid: uuid.optional().describe("SMBIOS uuid, as dmidecode -s system-uuid prints it; no placeholder."),
  serial: serial.optional().describe("Serial number of the system."),
  macs: z.array(mac).default([]).describe("MAC addresses of its network cards."),
  pool: name.optional().describe("The pool that it belongs to; default default."),
  rack: text("the name of the rack").optional().describe("The rack that it stands in."),
  domains: z
    .array(text("the name of a switch or PDU, such as switch:tor-1"))
    .default([])
    .describe("Switches and PDUs that it fails with; the storm guard counts them."),
  bmc: writtenBmc.optional().describe("How its power is controlled; what is missing may stand in the pool or in defaults."),
  talos: writtenTalos.optional().describe("What it is meant to run, beyond what the pool and defaults say."),
  node: value(
    "the name of the Kubernetes Node",
    (given) => (nodeName.test(given) ? given : new Refused("cannot be a Node's name", "Write it as `kubectl get nodes` prints it")),
    word(nodeName),
  )
    .optional()
    .describe("Name of its Kubernetes Node, where it is called otherwise."),
  address: host.optional().describe("Host name or IP address of its Talos API and kubelet."),
  carriesLightsout: flag.default(false).describe("Lightsout itself runs on it, and does not take it down."),
});

export type WrittenMachine = z.output<typeof writtenMachine>;
export type MachineDefaults = z.output<typeof machineDefaults>;
export type Pools = z.output<typeof pools>;
