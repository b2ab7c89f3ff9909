import {
  createMemoryStore,
  createWorker,
  type EventDefinition,
  type Guard,
  nodeLost as nodeLostEvent,
  powerCycle as powerCycleEvent,
  powerOffRequested,
  powerOnRequested,
  rebuildRequested,
  upgradeRequested,
} from "#events";
import type { Ports } from "#functions/define.ts";
import { createHistory } from "#functions/history.ts";
import nodeLost from "#functions/node-lost.ts";
import powerCycle from "#functions/power-cycle.ts";
import powerOff from "#functions/power-off.ts";
import powerOn from "#functions/power-on.ts";
import { precedence } from "#functions/precedence.ts";
import { createFakeTime, createFakeWorld, createIncarnation, type FakeWorld } from "#functions/testing/mod.ts";
import upgrade from "#functions/upgrade.ts";
import { rebuild } from "./quorum-rebuild.ts";
import { guardsOf } from "./rig.ts";

/** What people ask for, by name. */
const requests = {
  off: [powerOffRequested, {}],
  "off hard": [powerOffRequested, { hard: true }],
  cycle: [powerCycleEvent, {}],
  "cycle hard": [powerCycleEvent, { hard: true }],
  on: [powerOnRequested, {}],
  upgrade: [upgradeRequested, {}],
  rebuild: [rebuildRequested, {}],
} as const satisfies Record<string, readonly [EventDefinition, object]>;

/** What happens by itself: it hangs, its Talos falls silent for a while, a worker dies. */
const faults = ["hangs", "falls silent", "a worker dies"] as const;

type Kind = keyof typeof requests | (typeof faults)[number];
export const kinds = [...(Object.keys(requests) as (keyof typeof requests)[]), ...faults] as const;

export interface Happening {
  /** Seconds from the beginning. */
  readonly at: number;
  /** Which control plane, counted from zero. */
  readonly machine: number;
  readonly what: Kind;
}

export interface Told {
  /** Acts that were sent while the others were no serving majority. */
  readonly wrong: readonly string[];
  /** What the world saw go wrong. */
  readonly violations: readonly string[];
  /** Acts that took a control plane away. */
  readonly taken: number;
}

const names = (members: number) => Array.from({ length: members }, (_, index) => `cp-0${index + 1}`);
const afterwardsMs = 600_000;

/** Lives through what happens, with two workers on one store, and tells what became of etcd. */
export async function live(members: number, happenings: readonly Happening[], guarded = true): Promise<Told> {
  const time = createFakeTime();
  const root = time.clock();
  const store = createMemoryStore({ clock: root });
  // Every second one restarts by itself when it is upgraded.
  const machines = names(members).map((name, index) => ({
    name,
    role: "control-plane" as const,
    ...(index % 2 ? { talos: "v1.12.11" } : {}),
  }));
  const world = createFakeWorld(root, { machines, etcd: true });
  Object.assign(world.api, { drainMs: 5000 });
  world.policy.upgrade = { soak: "1m", within: "5m" };
  for (const { host } of world.machines()) host.bootMs = 15_000;
  const wrong: string[] = [];
  let taken = 0;
  const ports = watched(world, (what, left, voters) => {
    taken += 1;
    if (left * 2 <= voters) wrong.push(`${what} with ${left} of ${voters} left`);
  });

  const lives = [1, 2].map(() => {
    const life = createIncarnation({
      store,
      clock: time.clock(),
      ports: { ...ports, history: createHistory(store) },
      onPoint: () => undefined,
    });
    const guards: Guard[] = [];
    const functions = [nodeLost, powerOn, powerOff, powerCycle, upgrade, rebuild];
    const worker = createWorker({ site: "test", store: life.store, clock: life.clock, functions, ports: life.ports, guards, precedence });
    const asked = guardsOf(worker.office, { ports: life.ports as unknown as Ports });
    guards.push(...asked.filter(({ name }) => guarded || name !== "quorum"));
    return { life, worker };
  });
  for (const { worker } of lives) await worker.start();

  for (const { at, machine, what } of happenings.toSorted((a, b) => a.at - b.at)) {
    await root.sleep(Math.max(0, at * 1000 - root.mono()));
    await happen(names(members)[machine % members] ?? "cp-01", what);
  }
  await root.sleep(afterwardsMs);
  for (const { life } of lives) life.kill();
  root.kill();
  return { wrong, taken, violations: world.violations() };

  async function happen(machine: string, what: Kind): Promise<void> {
    const box = world.machine(machine);
    const { worker } = lives.at(-1) ?? {};
    if (!worker) return;
    if (what === "a worker dies") return lives.length > 1 ? lives.shift()?.life.kill() : undefined;
    if (what === "falls silent") {
      box.system.faults.silent = true;
      void root.sleep(90_000).then(() => Object.assign(box.system.faults, { silent: false }));
      return;
    }
    if (what === "hangs") {
      box.hang();
      void root.sleep(60_000).then(async () => {
        await worker.office.incidents.open(machine, "seen to go", root.now());
        await worker.accept({ type: nodeLostEvent.type, data: { machine }, origin: "external", source: "test" });
      });
      return;
    }
    const [event, more] = requests[what];
    const upgraded = what === "upgrade" ? { version: box.system.running?.version === "v1.13.9" ? "v1.14.0" : "v1.13.9" } : {};
    await worker.accept({ type: event.type, data: { machine, ...more, ...upgraded }, origin: "operator", source: "test", actor: "alice" });
  }
}

/** The world's ports; whatever takes a control plane away tells, in the moment it is sent, how many voters it leaves serving. */
function watched(world: FakeWorld, takes: (what: string, left: number, voters: number) => void): Ports {
  const note = (machine: string, what: string) => {
    const voters = world.etcd.members.filter(({ learner }) => !learner);
    const left = voters.filter((one) => one.machine !== machine && one.started && !one.lost && world.machine(one.machine).up());
    takes(`${what} of ${machine}`, left.length, voters.length);
  };
  const { power, talos } = world.ports;
  return {
    ...world.ports,
    power: {
      of(machine) {
        const bmc = power.of(machine);
        return {
          ...bmc,
          async off(permit, how) {
            if (world.machine(machine).power() === "on") note(machine, `${how} off`);
            return bmc.off(permit, how);
          },
        };
      },
    },
    talos: {
      ...talos,
      of(machine) {
        const os = talos.of(machine);
        return {
          ...os,
          async reboot(permit, mode) {
            note(machine, "reboot");
            return os.reboot(permit, mode);
          },
          async reset(permit, how) {
            note(machine, "reset");
            return os.reset(permit, how);
          },
          async shutdown(permit, how) {
            note(machine, "shutdown");
            return os.shutdown(permit, how);
          },
          async upgrade(permit, image) {
            if (world.machine(machine).system.running?.version === "v1.12.11") note(machine, "upgrade");
            return os.upgrade(permit, image);
          },
          etcd: {
            ...os.etcd,
            async leave(permit) {
              note(machine, "leave");
              return os.etcd.leave(permit);
            },
          },
        };
      },
    },
  };
}
