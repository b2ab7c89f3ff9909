import type { Extension, MachineStage, MachineStatus, SystemInformation, TalosMember, TalosNode } from "../port.ts";
import { whole } from "./answer.ts";
import type { Ask } from "./client.ts";
import { talosError } from "./failures.ts";
import { MachineService } from "./gen/machine_pb.ts";
import { getResource, type Kind, listResources } from "./resources.ts";
import { flag, items, present, record, strings, text } from "./spec.ts";
import { readVersion, since } from "./versions.ts";

const runtime = (type: string, id: string): Required<Kind> => ({ namespace: "runtime", type: `${type}.runtime.talos.dev`, id });

const bootIdPath = "/proc/sys/kernel/random/boot_id";

/** The kernel's boot id: a resource of its own from 1.14, for every role; before that a file that only an admin may read. */
export async function readBootId(ask: Ask, machine: string, signal: AbortSignal | undefined): Promise<string> {
  const call = { operation: "boot id", signal };
  const { tag } = await readVersion(ask, machine, signal);
  const found = since(tag, 14)
    ? text((await getResource(ask, runtime("BootIDs", "boot-id"), call))?.bootID)
    : await ask(MachineService, call, async (calls, options) => {
        let read = "";
        for await (const chunk of calls.read({ path: bootIdPath }, options)) {
          read += Buffer.from(whole(chunk).bytes).toString("latin1");
          if (read.length > 100) break;
        }
        return text(read);
      });
  if (found && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(found)) return found.toLowerCase();
  const seen = found === undefined ? "nothing" : `"${found.slice(0, 50)}"`;
  throw talosError(
    { machine, operation: call.operation, sent: false },
    "LO_TALOS_PROTOCOL",
    `the machine answered ${seen}, which is no boot id`,
  );
}

/** Every extension but the one that stands for the schematic. */
export async function readExtensions(ask: Ask, signal: AbortSignal | undefined): Promise<readonly Extension[]> {
  return (await extensionStatuses(ask, signal)).filter(({ name }) => name !== "schematic");
}

/** From the resource that 1.14 has for it, otherwise from the extension that the factory adds to its images. */
export async function readSchematic(ask: Ask, machine: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  const { tag } = await readVersion(ask, machine, signal);
  if (since(tag, 14)) {
    const kind = { namespace: "runtime", type: "ImageFactorySchematics.runtime.talos.dev" };
    for (const { spec } of await listResources(ask, kind, { operation: "schematic", signal })) {
      const id = text(spec.schematicId);
      if (id) return id;
    }
  }
  return (await extensionStatuses(ask, signal)).find(({ name }) => name === "schematic")?.version;
}

async function extensionStatuses(ask: Ask, signal: AbortSignal | undefined): Promise<Extension[]> {
  const kind = { namespace: "runtime", type: "ExtensionStatuses.runtime.talos.dev" };
  const found = await listResources(ask, kind, { operation: "extensions", signal });
  return found.map(({ id, spec }) => {
    const metadata = record(spec.metadata);
    return { name: text(metadata?.name) ?? id, version: text(metadata?.version) ?? "" };
  });
}

const stages: Readonly<Record<string, MachineStage>> = {
  booting: "booting",
  installing: "installing",
  maintenance: "maintenance",
  running: "running",
  rebooting: "rebooting",
  "shutting down": "shutting-down",
  resetting: "resetting",
  upgrading: "upgrading",
};

export async function readStatus(ask: Ask, signal: AbortSignal | undefined): Promise<MachineStatus> {
  const spec = await getResource(ask, runtime("MachineStatuses", "machine"), { operation: "machine status", signal });
  const status = record(spec?.status);
  return {
    stage: stages[text(spec?.stage) ?? ""] ?? "unknown",
    ready: flag(status?.ready),
    unmet: items(status?.unmetConditions).map((one) => ({ name: text(record(one)?.name) ?? "", reason: text(record(one)?.reason) ?? "" })),
  };
}

/** META key 6 names the entry to fall back to; a controller deletes it once the machine runs and is ready. */
export async function readUpgradePending(ask: Ask, signal: AbortSignal | undefined): Promise<boolean> {
  const spec = await getResource(ask, runtime("MetaKeys", "0x06"), { operation: "upgrade state", signal });
  return text(spec?.value) !== undefined;
}

export async function readSystem(ask: Ask, signal: AbortSignal | undefined): Promise<SystemInformation> {
  const kind = { namespace: "hardware", type: "SystemInformations.hardware.talos.dev", id: "systeminformation" };
  const spec = (await getResource(ask, kind, { operation: "system information", signal })) ?? {};
  return present({
    uuid: text(spec.uuid)?.toLowerCase(),
    serial: text(spec.serialnumber),
    manufacturer: text(spec.manufacturer),
    product: text(spec.productName),
  });
}

/** The name and addresses that the kubelet is started with. */
export async function readNode(ask: Ask, signal: AbortSignal | undefined): Promise<TalosNode | undefined> {
  const call = { operation: "node name and addresses", signal };
  const kind = (type: string, id: string) => ({ namespace: "k8s", type: `${type}.kubernetes.talos.dev`, id });
  const name = text((await getResource(ask, kind("Nodenames", "nodename"), call))?.nodename);
  const ips = name === undefined ? undefined : await getResource(ask, kind("NodeIPs", "kubelet"), call);
  return name === undefined || ips === undefined ? undefined : { name, addresses: strings(ips.addresses) };
}

export async function readMembers(ask: Ask, signal: AbortSignal | undefined): Promise<readonly TalosMember[]> {
  const kind = { namespace: "cluster", type: "Members.cluster.talos.dev" };
  return (await listResources(ask, kind, { operation: "members", signal })).map(({ id, spec }) => ({
    name: id,
    hostname: text(spec.hostname) ?? "",
    addresses: strings(spec.addresses),
    role: ({ controlplane: "control-plane", worker: "worker" } as const)[text(spec.machineType) ?? ""] ?? "unknown",
    os: text(spec.operatingSystem) ?? "",
  }));
}
