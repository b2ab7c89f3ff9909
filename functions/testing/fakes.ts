import type { Inventory, Machine } from "#adapters/inventory/port.ts";
import type { Os } from "#adapters/os/port.ts";
import { type Clock, type Duration, LightsoutError } from "#events";
import type { Ports } from "../define.ts";
import { createFakeCluster, type FakeApi } from "./cluster.ts";
import { createFakeMachine, type FakeMachine } from "./machine.ts";
import { createFakePower } from "./power.ts";

/** A rack that is not there: simulated machines and the ports that reach them. */
export interface FakeWorld {
  readonly ports: Ports;
  readonly api: FakeApi;
  /** A machine with its knobs and counters; throws for a name that was not given. */
  machine(name: string): FakeMachine;
  machines(): readonly FakeMachine[];
  /** What should never have happened on any machine, in words. */
  violations(): readonly string[];
}

export interface FakeWorldOptions {
  /** Names alone make equal workers with an identity of their own; anything else about a machine may be given. */
  readonly machines: readonly (string | (Partial<Machine> & { readonly name: string }))[];
  /** Default `"test"`, the site of `testRun`. */
  readonly site?: string;
  /** How long a lost machine is given to return by itself. Default 30 s. */
  readonly patience?: Duration;
}

/**
 * One small simulated world behind all ports: power drives the operating systems, those drive the Nodes. It works in microtasks and on
 * `clock` alone, so that it runs under `testRun` and `crashEverywhere`; everything that happened can be counted.
 */
export function createFakeWorld(clock: Clock, options: FakeWorldOptions): FakeWorld {
  const { site = "test", patience = "30s" } = options;
  const machines = options.machines.map((given, index) =>
    createFakeMachine(clock, factsOf(typeof given === "string" ? { name: given } : given, index + 1)),
  );
  const api: FakeApi = { reachable: true, drainMs: 20_000, reports: [] };
  const powers = new Map(machines.map((machine) => [machine.name, createFakePower(machine, clock)]));
  const find = (name: string): FakeMachine => {
    const machine = machines.find((item) => item.name === name);
    if (machine) return machine;
    throw new LightsoutError("LO_UNKNOWN_MACHINE", `No machine is called "${name}" in the fake world`, {
      hint: `It has ${machines.map((item) => item.name).join(", ")}`,
    });
  };
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
      const answered = machine.up() || machine.host.kubeletAnswers;
      return [
        { service: "kubelet", answered, seen: answered ? `TLS, CN=${name}` : "no answer in 3s" },
        { service: "talos", answered: machine.up(), seen: machine.up() ? "TLS" : "no answer in 3s" },
      ];
    },
  };
  const power: Ports["power"] = {
    of(name) {
      const found = powers.get(find(name).name);
      if (found) return found;
      throw new LightsoutError("LO_UNKNOWN_MACHINE", `${name} has no power`);
    },
  };
  return {
    ports: { inventory, power, cluster: createFakeCluster({ clock, site, machines, api }), os },
    api,
    machine: find,
    machines: () => machines,
    violations: () => machines.flatMap((machine) => machine.violations),
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
