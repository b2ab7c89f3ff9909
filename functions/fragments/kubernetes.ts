import type { NodeView } from "#adapters/cluster/port.ts";
import type { KubernetesComponent } from "#adapters/machineconfig/port.ts";
import { explain, powerOnRequested, RefusedError, type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { kubernetesObstacle, oldestOf } from "../guards/kubernetes-path.ts";
import { ends } from "./hand-out.ts";

type Upgrading = Pick<Ports, "inventory" | "cluster" | "talos" | "configs" | "power" | "standing" | "errands">;

/** What is to be done, as it is shown to a person. */
export type KubernetesPlan = {
  readonly from: string;
  readonly to: string;
  readonly steps: readonly { readonly component: KubernetesComponent; readonly machine: string; readonly from: string }[];
  /** Off, and nobody wants them so: switched on first. */
  readonly wake: readonly string[];
  /** Left for another time, and why. */
  readonly later: { readonly [machine: string]: string };
  readonly notCovered: readonly string[];
};

const serverParts = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"] as const;

const notCovered = [
  "whether anything still uses an API that the new version no longer serves",
  "bootstrap manifests: kube-proxy and CoreDNS go on with the images of their DaemonSet and Deployment (docs/kubernetes-upgrade.md)",
];

/** A machine of the cluster as it is found. */
interface Found {
  readonly name: string;
  readonly controlPlane: boolean;
  readonly talos: string | null;
  readonly kubelet: string;
  readonly parts: ReadonlyMap<KubernetesComponent, string>;
  readonly is: "there" | "off" | "later";
  readonly why: string;
}

/** Looks at every machine of the cluster and judges the way. Throws `LO_REFUSED` where it must not be gone. */
export async function planKubernetes(to: string, ports: Upgrading, signal: AbortSignal): Promise<KubernetesPlan> {
  const nodes = await ports.cluster.nodes(signal);
  const refuse = (why: string): never => {
    throw new RefusedError(`Kubernetes is not brought to ${to}: ${why}`, { hint: "Nothing was done" });
  };
  const stranger = nodes.find(({ controlPlane, machine }) => controlPlane && machine === undefined);
  if (stranger) refuse(`the control plane ${stranger.name} is no machine of the inventory`);
  const found = await inTens(
    nodes.filter(({ machine }) => machine !== undefined),
    (node) => lookAt(node, ports, signal),
  );
  const controlPlanes = found.filter(({ controlPlane }) => controlPlane);
  if (controlPlanes.length === 0) refuse("no control plane of the cluster is in the inventory");
  const silent = controlPlanes.find(({ is }) => is !== "there");
  if (silent) refuse(`the control plane ${silent.name} does not take part: ${silent.why}`);
  const from = oldestOf(controlPlanes.flatMap(({ parts }) => serverParts.flatMap((part) => parts.get(part) ?? []))) ?? "";
  const obstacle = kubernetesObstacle({ from, to, machines: found });
  if (obstacle !== undefined) refuse(obstacle);
  return {
    ...{ from, to, notCovered },
    steps: await stepsOf(found, to, ports, signal),
    wake: found.filter(({ is }) => is === "off").map(({ name }) => name),
    later: Object.fromEntries(found.filter(({ is }) => is === "later").map(({ name, why }) => [name, why])),
  };
}

/** In the order of `talosctl upgrade-k8s`: part by part over the control planes, then kube-proxy, then kubelets, control planes first. */
async function stepsOf(found: readonly Found[], to: string, ports: Upgrading, signal: AbortSignal): Promise<KubernetesPlan["steps"]> {
  const controlPlanes = found.filter(({ controlPlane }) => controlPlane);
  const kubelets = [...controlPlanes, ...found.filter(({ controlPlane }) => !controlPlane)].filter(({ is }) => is !== "later");
  const steps = [
    ...serverParts.flatMap((component) =>
      controlPlanes.map(({ name, parts }) => ({ component, machine: name, from: parts.get(component) ?? "nothing" })),
    ),
    ...kubelets.map(({ kubelet, name }) => ({ component: "kubelet" as const, machine: name, from: kubelet })),
  ].filter(({ from }) => from !== to);
  const proxies = await inTens(controlPlanes, async ({ name, parts }) => {
    const running = await ports.talos.of(name).configuration(signal);
    const told = ports.configs.withKubernetes(running, "kube-proxy", to) === undefined;
    return told ? [] : [{ component: "kube-proxy" as const, machine: name, from: parts.get("kube-proxy") ?? "nothing" }];
  });
  const servers = steps.filter(({ component }) => component !== "kubelet");
  return [...servers, ...proxies.flat(), ...steps.slice(servers.length)];
}

async function lookAt(node: NodeView, ports: Upgrading, signal: AbortSignal): Promise<Found> {
  const { name, role } = ports.inventory.machine(node.machine ?? "");
  const parts = new Map((await ports.cluster.components(name, signal)).map(({ component, version }) => [component, version]));
  const about = {
    ...{ name, parts, controlPlane: node.controlPlane || role === "control-plane" },
    kubelet: node.kubeletVersion,
    talos: /\((v[^)]+)\)/.exec(node.osImage)?.[1] ?? null,
  };
  const against = await ports.standing.against(name);
  if (against !== undefined) return { ...about, is: "later", why: against };
  try {
    return { ...about, talos: (await ports.talos.of(name).version(signal)).tag, is: "there", why: "its Talos answers" };
  } catch (error) {
    const power = await ports.power
      .of(name)
      .state(signal)
      .then(
        ({ state }) => state,
        () => "unknown" as const,
      );
    return { ...about, is: power === "off" ? "off" : "later", why: `its power is ${power}; ${explain(error)}` };
  }
}

/** Switches on who is off. Answers who does not take part after all, and why. */
export async function wake(machines: readonly string[], step: Step, ports: Upgrading): Promise<Record<string, string>> {
  const errands = machines.map((machine) => ({ machine, name: `wake ${machine}`, event: powerOnRequested }));
  for (const { event, machine, name } of errands) await step.emit(name, event, { machine, reason: "to upgrade Kubernetes" });
  if (errands.length === 0) return {};
  const told = await ends("who is awake", errands, "2h", step, ports);
  return Object.fromEntries(
    errands.flatMap(({ machine, name }) => {
      const { reason, status } = told[name] ?? { reason: "its run goes on", status: "not yet" };
      return status === "ok" ? [] : [[machine, `it did not wake: ${status}: ${reason}`] as const];
    }),
  );
}

/** Pulls every image before anything is changed. Answers who could not; a control plane must. */
export async function pullImages(
  steps: KubernetesPlan["steps"],
  to: string,
  ports: Upgrading,
  signal: AbortSignal,
): Promise<Record<string, string>> {
  const machines = [...new Set(steps.map(({ machine }) => machine))];
  const failed = await inTens(machines, async (machine) => {
    try {
      const talos = ports.talos.of(machine);
      const running = await talos.configuration(signal);
      for (const { component } of steps.filter((one) => one.machine === machine && one.component !== "kube-proxy")) {
        const image = ports.configs.kubernetesImage(running, component, to);
        if (image !== undefined) await talos.pullImage(image, signal, component === "kubelet" ? "system" : "cri");
      }
      return [];
    } catch (error) {
      signal.throwIfAborted();
      return [[machine, `its images cannot be pulled: ${explain(error)}`] as const];
    }
  });
  return Object.fromEntries(failed.flat());
}

/** A control plane without its images stops everything: nothing was changed yet. */
export function demandControlPlanes(failed: Record<string, string>, ports: Upgrading): void {
  for (const [machine, why] of Object.entries(failed)) {
    if (ports.inventory.machine(machine).role !== "control-plane") continue;
    throw new TerminalError(`${machine}: ${why}. Nothing was changed`, { hint: "Check the version and the registry" });
  }
}

/** At most ten at once. */
async function inTens<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Promise<Result[]> {
  const results: Result[] = [];
  for (let at = 0; at < items.length; at += 10) results.push(...(await Promise.all(items.slice(at, at + 10).map(work))));
  return results;
}
