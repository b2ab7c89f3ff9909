import { parseAllDocuments } from "yaml";

/** What the lab reads of a machine configuration. It refuses nothing but what is no YAML: judging is for the checks before. */
export interface LabConfig {
  /** It has the v1alpha1 document. */
  readonly complete: boolean;
  readonly role: "control-plane" | "worker" | undefined;
  readonly hostname: string | undefined;
  /** Where to, and what from. `match` is an expression of UnattendedInstallConfig. */
  readonly install:
    | {
        readonly disk?: string | undefined;
        readonly selector?: Readonly<Record<string, unknown>> | undefined;
        readonly match?: string | undefined;
        readonly image?: string | undefined;
      }
    | undefined;
  readonly kubelet: {
    /** With `v`. */
    readonly version: string | undefined;
    /** It asks the cluster for its serving certificate. */
    readonly asksForCertificate: boolean;
  };
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly { readonly key: string; readonly value: string; readonly effect: string }[];
  /** Pods may run on a control plane. */
  readonly schedulable: boolean;
  /** Talos installs Flannel itself. Here only where the configuration names it; Talos's own default is to. */
  readonly flannel: boolean;
}

type Tree = Readonly<Record<string, unknown>>;
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);
const tree = (value: unknown): Tree => (isTree(value) ? value : {});
const word = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);

/** `undefined` for what is no YAML of documents. */
export function readLabConfig(text: string): LabConfig | undefined {
  const parsed = parseAllDocuments(text);
  if (!Array.isArray(parsed) || parsed.some(({ errors }) => errors.length > 0)) return undefined;
  const documents = parsed.map((document) => tree(document.toJS())).filter((document) => Object.keys(document).length > 0);
  if (documents.length === 0) return undefined;
  const main = documents.find((document) => document.kind === undefined && "machine" in document);
  const kind = (name: string) => documents.find((document) => document.kind === name);
  const machine = tree(main?.machine);
  const cluster = tree(main?.cluster);
  const kubelet = tree(machine.kubelet);
  const node = kind("KubeNodeConfig");
  const type = word(machine.type);
  const cni = tree(tree(cluster.network).cni);
  return {
    complete: main !== undefined,
    role: type === "worker" ? "worker" : type === "controlplane" || type === "init" ? "control-plane" : undefined,
    hostname: word(kind("HostnameConfig")?.hostname) ?? word(tree(machine.network).hostname),
    install: installOf(machine, kind("UnattendedInstallConfig")),
    kubelet: {
      version: /:(v[^@:]+)/.exec(word(kind("KubeletConfig")?.image) ?? word(kubelet.image) ?? "")?.[1]?.replace(/-(fat|slim)$/, ""),
      asksForCertificate:
        String(tree(kubelet.extraArgs)["rotate-server-certificates"]) === "true" ||
        tree(kubelet.extraConfig).serverTLSBootstrap === true ||
        String(tree(kind("KubeletConfig")?.extraArgs)["rotate-server-certificates"]) === "true",
    },
    labels: texts(node ? node.labels : machine.nodeLabels),
    taints: Object.entries(texts(node ? node.taints : machine.nodeTaints)).map(([key, written]) => {
      const at = written.lastIndexOf(":");
      return { key, value: written.slice(0, Math.max(0, at)), effect: written.slice(at + 1) };
    }),
    schedulable: cluster.allowSchedulingOnControlPlanes === true,
    flannel: cni.name === "flannel" || kind("KubeFlannelCNIConfig") !== undefined,
  };
}

function installOf(machine: Tree, unattended: Tree | undefined): LabConfig["install"] {
  if (unattended) {
    const match = word(tree(tree(unattended.provisioning).diskSelector).match);
    return { match, image: word(tree(unattended.installer).image) };
  }
  if (!isTree(machine.install)) return undefined;
  const { disk, diskSelector, image } = machine.install;
  return { disk: word(disk), selector: isTree(diskSelector) ? diskSelector : undefined, image: word(image) };
}

const texts = (value: unknown): Record<string, string> =>
  Object.fromEntries(Object.entries(tree(value)).map(([key, one]) => [key, String(one ?? "")]));
