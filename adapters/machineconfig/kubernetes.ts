import { at, type Document, isMap, kindOf, mainOf, parseDocuments, printDocuments } from "./documents.ts";
import { patchDocuments } from "./merge.ts";
import type { KubernetesComponent } from "./port.ts";

interface Place {
  /** Where the v1alpha1 document says the image. */
  readonly path: readonly [string, string];
  /** The document that says it instead, from 1.14 on. */
  readonly kind: string;
  /** Where the image comes from unless the configuration says otherwise. */
  readonly repository: string;
}

/** Talos: pkg/cluster/kubernetes and pkg/machinery/constants. */
const places: Readonly<Record<KubernetesComponent, Place>> = {
  "kube-apiserver": { path: ["cluster", "apiServer"], kind: "KubeAPIServerConfig", repository: "registry.k8s.io/kube-apiserver" },
  "kube-controller-manager": {
    path: ["cluster", "controllerManager"],
    kind: "KubeControllerManagerConfig",
    repository: "registry.k8s.io/kube-controller-manager",
  },
  "kube-scheduler": { path: ["cluster", "scheduler"], kind: "KubeSchedulerConfig", repository: "registry.k8s.io/kube-scheduler" },
  "kube-proxy": { path: ["cluster", "proxy"], kind: "KubeProxyConfig", repository: "registry.k8s.io/kube-proxy" },
  kubelet: { path: ["machine", "kubelet"], kind: "KubeletConfig", repository: "ghcr.io/siderolabs/kubelet" },
};

/** The parts in the order in which an upgrade goes through them. */
export const kubernetesComponents = Object.keys(places) as readonly KubernetesComponent[];

/**
 * The documents with one part's image of this version (with `v`), and nothing else changed: the image stays in its registry, and a kubelet
 * its `-fat` or `-slim`. The same documents where nothing is to be changed: it says so already, the machine does not run the part, or
 * kube-proxy is turned off.
 */
export function withImage(documents: readonly Document[], component: KubernetesComponent, version: string): readonly Document[] {
  const images = imagesIn(documents, component, version);
  if (!images || images.after === images.before) return documents;
  const { after: image, own } = images;
  const { kind, path } = places[component];
  const [first, second] = path;
  const patch: Document = own ? { apiVersion: "v1alpha1", kind, image } : { [first]: { [second]: { image } } };
  return patchDocuments(documents, [patch]);
}

interface Images {
  readonly before: string;
  readonly after: string;
  /** The part has a document of its own. */
  readonly own: boolean;
}

function imagesIn(documents: readonly Document[], component: KubernetesComponent, version: string): Images | undefined {
  const main = mainOf(documents);
  const { kind, path, repository } = places[component];
  if (component !== "kubelet" && at(main, "machine", "type") === "worker") return undefined;
  const own = kindOf(documents, kind);
  const old = at(main, ...path);
  const running = own ?? old;
  if (component === "kube-proxy" && (at(old, "disabled") === true || at(own, "enabled") === false)) return undefined;
  const before = isMap(running) && typeof running.image === "string" ? running.image : "";
  return { before, after: imageOf(before, repository, version, component === "kubelet"), own: own !== undefined };
}

/** The image that a configuration would name for a part in this version; `undefined` for a part that its machine does not run. */
export function kubernetesImage(running: string, component: KubernetesComponent, version: string): string | undefined {
  return imagesIn(parseDocuments(running, "the running configuration"), component, version)?.after;
}

/** `withImage` for a configuration as text; `undefined` where nothing is to be changed. Throws `LO_MACHINE_CONFIG` for what cannot be read. */
export function withKubernetes(running: string, component: KubernetesComponent, version: string): string | undefined {
  const documents = parseDocuments(running, "the running configuration");
  const changed = withImage(documents, component, version);
  return changed === documents ? undefined : printDocuments(changed);
}

/** A digest would pin the old version, so it goes. */
function imageOf(before: string, repository: string, version: string, kubelet: boolean): string {
  const [, from = repository, tag = ""] = /^(.+?)(?::([^/:@]+))?(?:@sha256:[0-9a-f]+)?$/.exec(before) ?? [];
  const variant = kubelet ? (/-(fat|slim)$/.exec(tag)?.[0] ?? "") : "";
  return `${from}:${version}${variant}`;
}
