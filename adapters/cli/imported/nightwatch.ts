import type { ImportedNode } from "#adapters/inventory/mod.ts";
import { Failure } from "../failure.ts";

/** A part of `lightsout.yaml`, ready to be written. */
interface Section {
  readonly defaults?: { readonly bmc: Partial<Login> };
  readonly machines: Readonly<Record<string, object>>;
}

/** References to variables; never their values. */
interface Login {
  readonly user: string;
  readonly password: string;
}

/** What stands for Nightwatch's types of BMC here, and what to say of those that are not driven. */
const kinds: Readonly<Record<string, { readonly kind: "redfish" | "ipmi" | "none"; readonly speaks?: string }>> = {
  redfish: { kind: "redfish" },
  idrac: { kind: "redfish" },
  ilo: { kind: "redfish" },
  ipmi: { kind: "ipmi" },
  amt: { kind: "none", speaks: "Intel AMT" },
  wol: { kind: "none", speaks: "Wake-on-LAN" },
};

/** What Nightwatch's other keys mean for Lightsout. */
const meanings: Readonly<Record<string, string>> = {
  elastic_eligible: "Lightsout turns no machine off for want of work; `lightsout power off` drains and shuts down as drain-shutdown did",
  wake_policy: "Lightsout wakes no machine by itself; `lightsout power on` brings one back and proves it",
  labels: "Nightwatch only described with them; write talos.labels for those that the Node is to have",
  iscsi_initiator_addr: "Lightsout does not ask TrueNAS for iSCSI sessions; it waits until volume attachments are gone",
  ceph_client_addr: "Lightsout does not ask Ceph for watchers of RBD images; it waits until volume attachments are gone",
};

const usable = /^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/;

/**
 * The nodes of Nightwatch as `lightsout.yaml` has them. Logins become references to the variables that Nightwatch reads: a node's own where
 * it is set in `env`, else those for all.
 */
export function nightwatchSection(
  nodes: readonly ImportedNode[],
  from: { file: string; env: Readonly<Record<string, string | undefined>> },
): { section: Section; notes: readonly string[] } {
  const machines = nodes.map((node) => ({ ...node, as: nameOf(node, from.file), own: loginOf(node, from.env) }));
  for (const [index, { as, line }] of machines.entries()) {
    const first = machines.findIndex((other) => other.as === as);
    if (first !== index)
      throw new Failure("failed", `${from.file}:${line}: this would be ${as}, as line ${machines[first]?.line}`, { hint: "Rename one" });
  }
  const driven = machines.filter(({ bmc }) => kinds[bmc.type]?.kind !== "none");
  const shared = {
    ...(driven.some(({ own }) => own.user === all.user) && { user: all.user }),
    ...(driven.some(({ own }) => own.password === all.password) && { password: all.password }),
  };
  const logins = [...new Set(driven.flatMap(({ own }) => [own.user, own.password]))];
  const section = {
    ...(Object.keys(shared).length > 0 && { defaults: { bmc: shared } }),
    machines: Object.fromEntries(machines.map((machine) => [machine.as, entryOf(machine, machine.as, machine.own)])),
  };
  return { section, notes: [...machines.flatMap((machine) => notesOf(machine, machine.as)), ...leftOut(machines), ...general(logins)] };
}

const reference = (name: string) => `\${env:${name}}`;
const all: Login = { user: reference("NIGHTWATCH_BMC_USERNAME"), password: reference("NIGHTWATCH_BMC_PASSWORD") };

function loginOf({ name }: ImportedNode, env: Readonly<Record<string, string | undefined>>): Login {
  const prefix = `NIGHTWATCH_BMC_${name.toUpperCase().replace(/[^\p{L}\p{Nd}]/gu, "_")}_`;
  const of = (what: "USERNAME" | "PASSWORD", otherwise: string) => (env[prefix + what] ? reference(prefix + what) : otherwise);
  return { user: of("USERNAME", all.user), password: of("PASSWORD", all.password) };
}

function nameOf({ line, name }: ImportedNode, file: string): string {
  const as = name
    .toLowerCase()
    .replace(/[^a-z0-9.-]/g, "-")
    .replace(/^[^a-z0-9]+|[^a-z0-9]+$/g, "");
  if (usable.test(as)) return as;
  throw new Failure("failed", `${file}:${line}: this cannot be a machine's name`, { hint: "Rename it: up to 63 letters, digits, - and ." });
}

function entryOf({ address, bmc, gpus, node, role }: ImportedNode, as: string, own: Login): object {
  const { kind } = kinds[bmc.type] ?? { kind: "none" };
  return {
    ...(role !== undefined && usable.test(role) && { pool: role }),
    ...(node !== as && { node }),
    address,
    ...(gpus > 0 && { gpus }),
    bmc: {
      kind,
      ...(kind !== "none" && {
        address: bmc.address,
        ...(bmc.port !== undefined && { port: bmc.port }),
        ...(own.user !== all.user && { user: own.user }),
        ...(own.password !== all.password && { password: own.password }),
        ...(kind === "redfish" && bmc.plain && { tls: { plain: true } }),
      }),
    },
  };
}

function notesOf({ bmc, name, role }: ImportedNode, as: string): string[] {
  const { kind, speaks } = kinds[bmc.type] ?? {};
  return [
    ...(as === name ? [] : [`${name} is called ${as}: names have lower-case letters, digits, - and .`]),
    ...(role === undefined || usable.test(role) ? [] : [`${as}: its role cannot be the name of a pool; write pool yourself`]),
    ...(speaks ? [`${as}: ${speaks} at ${bmc.address} is not driven yet; without a BMC Lightsout cordons, drains and asks`] : []),
    ...(bmc.plain && kind === "redfish" ? [`${as}: its BMC is spoken to without TLS, and its password can be read on the way`] : []),
  ];
}

/** A line for each key that is not taken over, with the machines that have it. */
function leftOut(machines: readonly (ImportedNode & { readonly as: string })[]): string[] {
  const keys = [...new Set(machines.flatMap(({ other }) => other))];
  return keys.map((key) => {
    const having = machines.filter(({ other }) => other.includes(key)).map(({ as }) => as);
    return `${key} of ${having.join(", ")} is left out: ${meanings[key] ?? "it is no key of Nightwatch that Lightsout knows"}`;
  });
}

const general = (logins: readonly string[]): string[] => [
  ...(logins.length > 0
    ? [
        `Set where Lightsout is started, as for Nightwatch: ${logins.map((login) => login.slice("${env:".length, -1)).join(", ")}`,
        "Nightwatch looks at no certificate. Lightsout remembers the one that it sees first: compare it, or write tls.pin or tls.ca",
      ]
    : []),
  "Write the uuid, serial and macs of each machine: Nightwatch does not know them, and by them Lightsout knows that it acts on the right box",
  "Write cluster.kubeconfig and talos.talosconfig: Nightwatch is given them on its command line",
];
