import type { Cluster } from "#adapters/cluster/port.ts";
import { admit, type Clock, DeviceError } from "#events";
import type { FakeApi } from "./cluster.ts";
import { componentsOf, fakeKubernetes, lineOf } from "./configs.ts";
import type { FakeMachine } from "./machine.ts";

/** From a new configuration to a part of Kubernetes that runs with it. */
const rolloutMs = 5000;

/** What machines are in the cluster's books: labels, certificates, versions, manifests. */
export function createPapers(options: {
  api: FakeApi;
  machines: readonly FakeMachine[];
  of: (name: string, operation: string) => FakeMachine;
  clock: Clock;
}): Pick<Cluster, "settle" | "room" | "servingRequests" | "approveServing" | "apply" | "version" | "components"> {
  const { api, machines, of, clock } = options;
  const anywhere = (operation: string) => of(machines[0]?.name ?? "", operation);

  return {
    async settle(name, { labels, taints }) {
      const { node, did } = of(name, "settle");
      if (!node.exists)
        throw new DeviceError("LO_CLUSTER_REFUSED", { target: name, operation: "settle", effect: "none" }, "there is no such Node");
      const changed = [
        ...Object.entries(labels).flatMap(([key, value]) => (node.labels[key] === value ? [] : [`label ${key}=${value}`])),
        ...Object.entries(taints).flatMap(([key, value]) => (node.taints[key] === value ? [] : [`taint ${key}=${value}`])),
      ];
      if (changed.length > 0) did.settle += 1;
      Object.assign(node.labels, labels);
      Object.assign(node.taints, taints);
      return changed;
    },
    async room(name) {
      of(name, "read room");
      return api.room(name);
    },
    async servingRequests() {
      anywhere("read requests");
      return [...api.requests];
    },
    async approveServing(request, permit) {
      admit(permit, permit.machine, "approve-serving");
      const { did } = of(permit.machine, "approve");
      permit.gate();
      const now = api.requests.find(({ uid, resourceVersion }) => uid === request.uid && resourceVersion === request.resourceVersion);
      if (!now) return "gone";
      did.approve += 1;
      api.requests = api.requests.filter((one) => one !== now);
      api.approved.push(now.name);
      return "approved";
    },
    async apply(manifests) {
      anywhere("apply");
      api.applied.push(manifests);
      api.hasCni = true;
      return ["DaemonSet kube-system/cni"];
    },
    async version() {
      anywhere("read version");
      const told = machines
        .filter((machine) => machine.facts.role === "control-plane" && machine.up())
        .map(({ system }) => lineOf(system.configuration, "kube-apiserver") ?? fakeKubernetes);
      return told.toSorted((a, b) => a.localeCompare(b, "en", { numeric: true }))[0] ?? fakeKubernetes;
    },
    async components(name) {
      const machine = of(name, "read components");
      const { facts, system } = machine;
      const rolled = machine.up() && clock.mono() >= system.configuredAt + rolloutMs;
      return componentsOf(facts.role).flatMap((component) => {
        const version = lineOf(system.configuration, component);
        return version === undefined ? [] : [{ component, version, ready: rolled }];
      });
    },
  };
}
