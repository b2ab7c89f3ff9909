import { onTestFinished, vi } from "vitest";
import { createKubernetesCluster, type KubernetesOptions } from "#adapters/cluster/kubernetes/mod.ts";
import type { ActVerb } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { steadyClock } from "#events/testing/mod.ts";
import { createHost } from "#test/lab/host.ts";
import { createKubeApi } from "#test/lab/kube-api.ts";

/** Machines m1, m2, … as Nodes w1, w2, … in a simulated cluster, and the adapter that is tested, over real HTTPS. */
export async function createRack(
  options: {
    machines?: number;
    gpus?: number;
    speed?: number;
    timeouts?: KubernetesOptions["timeouts"];
    kubeconfig?: (text: string) => string;
  } = {},
) {
  const { machines = 2, gpus = 4, speed = 100, timeouts = {} } = options;
  const clock = steadyClock(speed);
  const numbers = Array.from({ length: machines }, (_, index) => index + 1);
  const hosts = numbers.map((number) => createHost({ name: `m${number}`, clock, gpus, bootMs: 5000, offMs: 500 }));
  const api = await createKubeApi({ clock, hosts: hosts.map((host) => ({ host, node: host.name.replace("m", "w") })) });
  const problems: unknown[] = [];
  const cluster = createKubernetesCluster({
    kubeconfig: { text: options.kubeconfig?.(api.kubeconfig) ?? api.kubeconfig },
    site: "lab",
    nodeOf: (machine) => machine.replace("m", "w"),
    machineOf: (node) => (/^w\d+$/.test(node) ? node.replace("w", "m") : undefined),
    clock,
    // At 100 times the speed, 10 s would be 100 ms of a busy test machine.
    timeouts: { request: 5000 * speed, drainEvery: 1000, ...timeouts },
    onProblem: (error) => problems.push(error),
  });
  onTestFinished(async () => {
    await cluster.close();
    await api.close();
  });
  return { clock, hosts, api, cluster, problems };
}

export const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 30_000, interval: 10 });

export function permitFor(machine: string, verb: ActVerb = "taint-out-of-service", gate: () => void = () => undefined) {
  return mintPermit({ run: "r1", step: "taint", attempt: 1, machine, verb, gate, signal: new AbortController().signal });
}

export const owner = (run: string, ...inherited: string[]) => ({ run, inherited });
