/** Who may call what, and which version has it. */
interface Rule {
  /** Roles besides os:admin. */
  readonly roles?: readonly string[];
  /** Minor versions of Talos 1 that have it. */
  readonly from?: number;
  /** Open to everybody in maintenance up to 1.12; from 1.13 everything is that a reader may. */
  readonly maintenance?: boolean;
  readonly controlPlane?: boolean;
}

const readers = ["os:operator", "os:reader"];
const etcdReaders = [...readers, "os:etcd:backup"];

const rules: Readonly<Record<string, Rule>> = {
  "machine.MachineService/Version": { roles: readers },
  "machine.MachineService/ApplyConfiguration": { maintenance: true },
  "machine.MachineService/Reboot": { roles: ["os:operator"] },
  "machine.MachineService/Shutdown": { roles: ["os:operator"] },
  "machine.MachineService/Bootstrap": { controlPlane: true },
  "machine.MachineService/Kubeconfig": { controlPlane: true },
  "machine.MachineService/EtcdMemberList": { roles: etcdReaders, controlPlane: true },
  "machine.MachineService/EtcdStatus": { roles: etcdReaders, controlPlane: true },
  "machine.MachineService/EtcdAlarmList": { roles: etcdReaders, controlPlane: true },
  "machine.MachineService/EtcdSnapshot": { roles: ["os:operator", "os:etcd:backup"], controlPlane: true },
  "machine.MachineService/EtcdRecover": { controlPlane: true },
  "machine.MachineService/EtcdForfeitLeadership": { controlPlane: true },
  "machine.MachineService/EtcdLeaveCluster": { controlPlane: true },
  "machine.MachineService/EtcdRemoveMemberByID": { controlPlane: true },
  "machine.MachineService/Events": { roles: readers },
  "machine.MachineService/Dmesg": { roles: readers },
  "machine.MachineService/ImagePull": { roles: ["os:operator"] },
  "machine.ImageService/Pull": { roles: ["os:operator"], from: 13 },
  "machine.LifecycleService/Upgrade": { from: 13 },
  "cosi.resource.State/Get": { roles: readers, maintenance: true },
  "cosi.resource.State/List": { roles: readers, maintenance: true },
};

export type Ruling = "allowed" | "unimplemented" | "not-authorized" | "control-plane-only";

/** What a Talos of this version says to a caller before it does anything. */
export function rule(call: {
  method: string;
  minor: number;
  /** `undefined`: the machine is in maintenance and nobody is authenticated. */
  roles: readonly string[] | undefined;
  controlPlane: boolean;
}): Ruling {
  const found = rules[call.method] ?? {};
  if (call.minor < (found.from ?? 0)) return "unimplemented";
  if (call.roles === undefined) {
    if (found.maintenance) return "allowed";
    if (call.minor < 13) return "unimplemented";
    return (found.roles ?? []).includes("os:reader") && !found.controlPlane ? "allowed" : "not-authorized";
  }
  if (!["os:admin", ...(found.roles ?? [])].some((role) => call.roles?.includes(role))) return "not-authorized";
  return found.controlPlane && !call.controlPlane ? "control-plane-only" : "allowed";
}
