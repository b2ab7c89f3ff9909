import type { KubernetesComponent } from "#adapters/machineconfig/port.ts";
import { type Act, RefusedError, type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { isOlderMinor } from "../guards/kubernetes-path.ts";
import { asRefusal } from "./refusal.ts";

type Upgrading = Pick<Ports, "inventory" | "cluster" | "talos" | "configs">;

/** Refuses a part that would be of a newer minor version than an API server that it may talk to. */
export async function demandNotNewer(
  component: KubernetesComponent,
  version: string,
  ports: Upgrading,
  signal: AbortSignal,
): Promise<void> {
  if (component === "kube-apiserver") return;
  for (const { controlPlane, machine } of await ports.cluster.nodes(signal)) {
    if (!controlPlane || machine === undefined) continue;
    const server = (await ports.cluster.components(machine, signal)).find((one) => one.component === "kube-apiserver");
    if (!server || !isOlderMinor(server.version, version)) continue;
    throw new RefusedError(`${component} ${version} would be newer than the API server on ${machine}, which runs ${server.version}`, {
      hint: "API servers go first: lightsout kubernetes-upgrade --to <version>",
    });
  }
}

/**
 * Names another version of a part in the machine's running configuration. What the configuration says is what is observed: whether the part runs
 * so is proven after it, for a part that does not come up is no reason to say that nobody knows what was done.
 */
export function withVersion(machine: string, component: KubernetesComponent, version: string, ports: Upgrading): Act {
  const { node } = ports.inventory.machine(machine);
  const talos = () => ports.talos.of(machine);
  return {
    machine,
    verb: "apply-config",
    async observe(signal) {
      const running = await talos().configuration(signal);
      return ports.configs.withKubernetes(running, component, version) === undefined
        ? { is: "done", seen: `its configuration names ${version}` }
        : { is: "not-done", seen: "its configuration names another version" };
    },
    async perform(permit) {
      try {
        const next = ports.configs.withKubernetes(await talos().configuration(permit.signal), component, version);
        if (next === undefined) return "its configuration names it already";
        const { mode } = await talos().applyConfiguration(permit, next, { mode: "no-reboot" });
        return `applied, ${mode}`;
      } catch (error) {
        throw asRefusal(error);
      }
    },
    settle: "40s",
    undo: `talosctl -n ${node} edit machineconfig --mode no-reboot`,
  };
}

/** Until it runs and is ready, as `talosctl upgrade-k8s` waits. */
const within = "5m";

/** Proof: the part runs this version and is ready. kube-proxy is one DaemonSet for all machines, whose manifest is not ours to sync. */
export async function proveComponent(
  machine: string,
  component: KubernetesComponent,
  version: string,
  step: Step,
  ports: Upgrading,
): Promise<void> {
  if (component === "kube-proxy") return;
  const look = async (signal: AbortSignal) => (await ports.cluster.components(machine, signal)).find((one) => one.component === component);
  const runs = async (signal: AbortSignal) => {
    const found = await look(signal);
    return found?.ready && found.version === version ? { version } : undefined;
  };
  if (await step.until(`${component} runs ${version}`, runs, { every: "5s", within })) return;
  const seen = await step.run("what runs instead", async (signal) => (await look(signal))?.version ?? "nothing", { reads: true });
  const { node } = ports.inventory.machine(machine);
  throw new TerminalError(`${machine}: ${component} ${version} is not ready ${within} after it was named; ${seen} is seen`, {
    hint: component === "kubelet" ? `talosctl -n ${node} service kubelet` : `kubectl -n kube-system describe pod ${component}-${node}`,
  });
}
