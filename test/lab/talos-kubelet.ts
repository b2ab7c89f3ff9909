import type { LabKubelet } from "./kube-node.ts";
import type { TalosOs } from "./talos-os.ts";

/** The Kubernetes that a Talos brings where its configuration names no kubelet. */
const usual: Readonly<Record<number, string>> = {
  9: "v1.32.4",
  10: "v1.33.6",
  11: "v1.34.1",
  12: "v1.35.4",
  13: "v1.36.3",
  14: "v1.37.0",
};

/**
 * The kubelet as a Talos runs it, or would on a machine that is down; `undefined` without a configuration.
 * @param hasDrivers whether a schematic has NVIDIA's drivers in it
 */
export function kubeletOf(os: TalosOs, hasDrivers: (schematic: string | undefined) => boolean): LabKubelet | undefined {
  const config = os.reading();
  if (!config?.complete) return undefined;
  const { kubelet, labels, schedulable, taints } = config;
  const controlPlane = config.role === "control-plane";
  const { schematic, version } = os.running();
  return {
    runs: os.servicesRun(),
    node: config.hostname ?? os.host.name,
    controlPlane,
    // Control planes set theirs as admins; a worker's kubelet may not set just any.
    labels: controlPlane ? labels : Object.fromEntries(Object.entries(labels).filter(([key]) => !isRestricted(key))),
    taints: [
      ...(controlPlane && !schedulable ? [{ key: "node-role.kubernetes.io/control-plane", effect: "NoSchedule" }] : []),
      ...taints.map(({ value, ...taint }) => ({ ...taint, ...(value === "" ? {} : { value }) })),
    ],
    osImage: `Talos (${version})`,
    version: kubelet.version ?? usual[Number(version.split(".")[1])] ?? "v1.36.3",
    gpus: hasDrivers(schematic) ? os.host.gpusUp() : 0,
    asks: kubelet.asksForCertificate && !os.storage.certified,
    certified() {
      os.storage.certified = true;
    },
  };
}

/** What the NodeRestriction admission plugin refuses from a kubelet (https://kubernetes.io/docs/reference/access-authn-authz/admission-controllers/#noderestriction). */
function isRestricted(label: string): boolean {
  const prefix = label.includes("/") ? (label.split("/")[0] ?? "") : "";
  const within = (domain: string) => prefix === domain || prefix.endsWith(`.${domain}`);
  if (within("node-restriction.kubernetes.io")) return true;
  if (!within("kubernetes.io") && !within("k8s.io")) return false;
  const free = ["kubernetes.io/hostname", "kubernetes.io/arch", "kubernetes.io/os", "topology.kubernetes.io/region"];
  return !(within("kubelet.kubernetes.io") || within("node.kubernetes.io") || [...free, "topology.kubernetes.io/zone"].includes(label));
}
