import type { ServingRequest } from "#adapters/cluster/port.ts";
import type { Inventory, Machine } from "#adapters/inventory/port.ts";
import type { Os } from "#adapters/os/port.ts";
import { type Clock, type Duration, LightsoutError } from "#events";
import type { Ports } from "../define.ts";
import type { Surroundings } from "./boot.ts";
import { createFakeMachine } from "./chassis.ts";
import { createFakeCluster, type FakeApi } from "./cluster.ts";
import { createFakeConfigs, type FakeConfigs } from "./configs.ts";
import { createFakeEtcd, type FakeEtcd } from "./etcd.ts";
import {
  createFakeDrills,
  createFakeHistory,
  createFakePolicy,
  createFakeSnapshots,
  createFakeStanding,
  createFakeStorage,
  type FakeDrills,
  type FakeHistory,
  type FakePolicy,
  type FakeSnapshots,
  type FakeStanding,
  type FakeStorage,
  noErrands,
} from "./keeping.ts";
import type { FakeMachine } from "./machine.ts";
import { createFakeNetboot, type FakeNetboot } from "./netboot.ts";
import { createFakeCni, createFakeKubeconfig, type FakeCni, type FakeKubeconfig } from "./new-cluster.ts";
import { createFakePower } from "./power.ts";
import { createFakeTalos } from "./talos.ts";
import { createTalosScene } from "./talos-scene.ts";
import { createTimeline } from "./timeline.ts";

/** A rack that is not there: simulated machines and the ports that reach them. */
export interface FakeWorld {
  readonly ports: Ports;
  readonly api: FakeApi;
  readonly etcd: FakeEtcd;
  readonly configs: FakeConfigs;
  readonly netboot: FakeNetboot;
  readonly snapshots: FakeSnapshots;
  readonly storage: FakeStorage;
  readonly policy: FakePolicy;
  readonly kubeconfig: FakeKubeconfig;
  readonly cni: FakeCni;
  readonly drills: FakeDrills;
  readonly standing: FakeStanding;
  readonly history: FakeHistory;
  /** A machine with its knobs and counters; throws for a name that was not given. */
  machine(name: string): FakeMachine;
  machines(): readonly FakeMachine[];
  /** The machine's kubelet asks for a serving certificate, honestly but for what is changed. */
  askServing(machine: string, change?: Partial<ServingRequest>): ServingRequest;
  /** What should never have happened on any machine, in words. */
  violations(): readonly string[];
}

/** Anything about a machine may be given. */
export type FakeMachineOptions = Partial<Machine> & {
  readonly name: string;
  /** It is off from the beginning. */
  readonly off?: boolean;
  /** Off, with nothing on its disk and no Node. */
  readonly blank?: boolean;
  /** The version of Talos that is declared of it and runs. Default `v1.13.9`. */
  readonly talos?: string;
};

export interface FakeWorldOptions {
  /** Names alone make equal workers with an identity of their own; anything else about a machine may be given. */
  readonly machines: readonly (string | FakeMachineOptions)[];
  /** Default `"test"`, the site of `testRun`. */
  readonly site?: string;
  /** How long a lost machine is given to return by itself. Default 30 s. */
  readonly patience?: Duration;
  /** The cluster's API answers only while etcd has a majority. Default false: it answers always. */
  readonly etcd?: boolean;
}

/**
 * One small simulated world behind all ports: power drives the operating systems, those drive the Nodes and etcd. It works in microtasks and on
 * `clock` alone, so that it runs under `testRun` and `crashEverywhere`; everything that happened can be counted.
 */
export function createFakeWorld(clock: Clock, options: FakeWorldOptions): FakeWorld {
  const { site = "test", patience = "30s" } = options;
  const given = options.machines.map((one) => (typeof one === "string" ? { name: one } : one) as FakeMachineOptions);
  const all = given.map(({ off: _off, blank: _blank, talos: _talos, ...machine }, index) => factsOf(machine, index + 1));
  const timeline = createTimeline(clock);
  const configs = createFakeConfigs(all);
  for (const { name, talos } of given) if (talos !== undefined) configs.declare(name, { version: talos });
  const netboot = createFakeNetboot(timeline, configs);
  const etcd = createFakeEtcd({
    timeline,
    runs: (name) => find(name).serves(),
    controlPlanes: () => all.filter(({ role }) => role === "control-plane").map(({ name }) => name),
  });
  const api = createApi(() => {
    timeline.catchUp();
    return options.etcd !== true || etcd.quorate();
  });
  const around: Surroundings = { timeline, netboot, configs, etcd, networked: () => !api.needsCni || api.hasCni };
  const machines = all.map((facts, index) =>
    createFakeMachine(facts, around, given[index]?.blank ? "blank" : given[index]?.off ? "off" : "on"),
  );
  const find = (name: string): FakeMachine => {
    const machine = machines.find((item) => item.name === name);
    if (machine) return machine;
    throw new LightsoutError("LO_UNKNOWN_MACHINE", `No machine is called "${name}" in the fake world`, {
      hint: `It has ${machines.map((item) => item.name).join(", ")}`,
    });
  };
  for (const { facts, system, name } of machines) {
    if (facts.role === "control-plane" && system.configuration !== undefined) etcd.found(name);
  }
  const powers = new Map(machines.map((machine) => [machine.name, createFakePower(machine, clock)]));
  const sleep = (ms: number, signal?: AbortSignal) => clock.sleep(ms, signal);
  const systems = new Map(
    machines.map((machine) => [machine.name, createFakeTalos(createTalosScene({ machine, around, sleep, machines: () => machines }))]),
  );
  const inventory: Inventory = {
    site,
    machines: () => machines.map((machine) => machine.facts),
    machine: (name) => find(name).facts,
    has: (name) => machines.some((machine) => machine.name === name),
    byNode: (node) => machines.find((machine) => machine.facts.node === node)?.facts,
    patience: () => patience,
  };
  const os: Os = {
    async signsOfLife(name) {
      const machine = find(name);
      const kubelet = machine.up() || machine.host.kubeletAnswers;
      const talos = machine.answers() !== undefined && !machine.system.faults.silent;
      return [
        { service: "kubelet", answered: kubelet, seen: kubelet ? `TLS, CN=${name}` : "no answer in 3s" },
        { service: "talos", answered: talos, seen: talos ? "TLS" : "no answer in 3s" },
      ];
    },
  };
  const ofEach =
    <Port>(ports: ReadonlyMap<string, Port>, what: string) =>
    (name: string): Port => {
      const found = ports.get(find(name).name);
      if (found) return found;
      throw new LightsoutError("LO_UNKNOWN_MACHINE", `${name} has no ${what}`);
    };
  const snapshots = createFakeSnapshots(clock);
  const storage = createFakeStorage();
  const policy = createFakePolicy();
  const drills = createFakeDrills(clock);
  const kubeconfig = createFakeKubeconfig();
  const cni = createFakeCni(() => {
    api.hasCni = true;
  });
  const standing = createFakeStanding();
  const history = createFakeHistory();
  return {
    ports: {
      inventory,
      power: { of: ofEach(powers, "power") },
      cluster: createFakeCluster({ clock, site, machines, api }),
      os,
      talos: {
        of: ofEach(systems, "Talos"),
        credential: () => ({ expiresAt: clock.now() + 365 * 86_400_000, roles: ["os:admin"] }),
        close: async () => undefined,
      },
      configs,
      netboot,
      snapshots,
      storage,
      errands: noErrands,
      drills,
      standing,
      history,
      policy,
      kubeconfig,
      cni,
    },
    ...{ api, etcd, configs, netboot, snapshots, storage, policy, drills, standing, history, kubeconfig, cni },
    machine: find,
    machines: () => machines,
    askServing(name, change = {}) {
      const { facts } = find(name);
      const number = api.requests.length + api.approved.length + 1;
      const request: ServingRequest = {
        ...{ name: `csr-${number}`, uid: `uid-csr-${number}`, resourceVersion: "1" },
        username: `system:node:${facts.node}`,
        groups: ["system:nodes", "system:authenticated"],
        usages: ["digital signature", "server auth"],
        csr: {
          ...{ commonName: `system:node:${facts.node}`, organizations: ["system:nodes"], dnsNames: [facts.node], others: 0 },
          addresses: facts.address === undefined ? [] : [facts.address],
        },
        ...change,
      };
      api.requests.push(request);
      return request;
    },
    violations() {
      timeline.catchUp();
      return [...machines.flatMap((machine) => machine.violations), ...etcd.violations];
    },
  };
}

/** @param able whether there is a cluster that could answer */
function createApi(able: () => boolean): FakeApi {
  let reachable = true;
  return {
    get reachable() {
      return reachable && able();
    },
    set reachable(set) {
      reachable = set;
    },
    drainMs: 20_000,
    reports: [],
    needsCni: false,
    hasCni: false,
    applied: [],
    room: () => ({ fits: true, why: "the other machines have room" }),
    requests: [],
    approved: [],
  };
}

function factsOf(given: Partial<Machine> & { readonly name: string }, number: number): Machine {
  const hex = number.toString(16).padStart(2, "0");
  return {
    uuid: `4c4c4544-0033-4a10-8051-c7c04f5a32${hex}`,
    serial: `SN7K3Q${hex}`,
    macs: [`52:54:00:00:00:${hex}`],
    role: "worker",
    pool: "workers",
    domains: [],
    bmc: { kind: "redfish", address: `10.0.1.${number}` },
    node: given.name,
    gpus: 0,
    bootTime: "60s",
    trust: "auto",
    disposable: false,
    pet: false,
    carriesLightsout: false,
    foundOff: "ask",
    ...given,
  };
}
