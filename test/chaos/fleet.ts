import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { createIpmiPower, createIpmiTransport } from "#adapters/power/ipmi/mod.ts";
import type { Power, Powers } from "#adapters/power/port.ts";
import { createRedfishPower } from "#adapters/power/redfish/mod.ts";
import {
  createWorker,
  type EventStore,
  powerCycle,
  powerOffRequested,
  powerOnRequested,
  readJournal,
  runResumeRequested,
  scaledClock,
  type Worker,
} from "#events";
import { defineFunction } from "#functions/define.ts";
import { forceOff, powerOn } from "#functions/fragments/power.ts";
import { createDice, type Dice } from "#test/fuzz/mutate.ts";
import { type BadLine, createBadConnections, createBadDatagrams, goodLine } from "#test/lab/bad-line.ts";
import { createHost, type Host } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { createRedfishBmc } from "#test/lab/redfish-bmc.ts";
import type { PersonalityName } from "#test/lab/redfish-personalities.ts";
import { account, type Figures } from "./judge.ts";

const scale = 10;
const login = { user: "lightsout", password: "a-password" };
const makers: readonly (PersonalityName | "ipmi")[] = [
  "ipmi",
  "dell",
  "ipmi",
  "hpe",
  "ipmi",
  "supermicro",
  "ipmi",
  "lenovo",
  "ipmi",
  "openbmc",
  "ipmi",
  "ami",
];
const onTurns = 2;

const uses = ["power"] as const;
const functions = [
  defineFunction({ id: "off", on: powerOffRequested, uses, acts: ["force-off"], timeout: "2h" }, async ({ event, step, ports }) => {
    await step.act("power off", forceOff(event.data.machine, ports));
  }),
  defineFunction({ id: "on", on: powerOnRequested, uses, acts: ["power-on"], timeout: "2h" }, async ({ event, step, ports }) => {
    await step.act("power on", powerOn(event.data.machine, ports));
  }),
  defineFunction({ id: "cycle", on: powerCycle, uses, acts: ["force-off", "power-on"], timeout: "2h" }, async ({ event, step, ports }) => {
    await step.act("power off", forceOff(event.data.machine, ports));
    await step.act("power on", powerOn(event.data.machine, ports));
  }),
];

/** What a machine's line may be like for a while. */
const moods: readonly (() => Partial<typeof goodLine>)[] = [
  () => ({}),
  () => ({ loss: 0.3 }),
  () => ({ loss: 0.3, duplicates: 0.3, delays: 0.3, delayMs: 800 }),
  () => ({ garbage: 0.3, duplicates: 0.1 }),
  () => ({ delays: 0.8, delayMs: 150 }),
  () => ({ hangs: 0.1, loss: 0.1 }),
  () => ({ hangs: 1 }),
];

interface Fleet {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly lines: readonly BadLine[];
  readonly powers: Powers;
  close(): Promise<void>;
}

/**
 * A fleet of BMCs behind lines that lose, double, delay and damage what passes, and fall silent. Nothing is killed: what is to be seen is that a
 * bad network never switches a machine twice.
 */
export async function fleetStorm(options: { rounds: number; seed: number; say: (line: string) => void }): Promise<Figures> {
  const { rounds, seed, say } = options;
  const dice = createDice(seed);
  const clock = scaledClock(scale);
  const folder = mkdtempSync(join(tmpdir(), "lightsout-fleet-"));
  const store = await createEmbeddedStore({ path: join(folder, "fleet.db"), site: "fleet", clock });
  const fleet = await startFleet(dice, clock);
  const worker = createWorker({ site: "fleet", store, clock, functions, ports: { power: fleet.powers }, guards: [] });
  await worker.start();
  try {
    const names = [...fleet.hosts.keys()];
    const runs = new Set<string>();
    let events = 0;
    for (let round = 1; round <= rounds; round += 1) {
      for (const { quality } of fleet.lines) if (dice(3) === 0) Object.assign(quality, goodLine, moods[dice(moods.length)]?.());
      for (let more = dice(4); more > 0; more -= 1) {
        const type = [powerCycle, powerOffRequested, powerOnRequested][dice(3)]?.type ?? powerCycle.type;
        const incoming = {
          type,
          data: { machine: names[dice(names.length)] },
          id: `${seed}-${events++}`,
          source: "fleet",
          origin: "operator",
        } as const;
        for (const run of (await worker.accept(incoming)).runs) runs.add(run);
      }
      await clock.sleep(dice(4000));
      if (dice(5) === 0) await answerPeople(worker, store, fleet.hosts);
      if (round % 50 === 0) say(`round ${round} of ${rounds}: ${events} events, ${runs.size} runs`);
    }
    for (const { quality } of fleet.lines) Object.assign(quality, goodLine);
    const end = clock.mono() + 1_800_000;
    while (clock.mono() < end && (await unfinished(worker)) > 0) {
      await answerPeople(worker, store, fleet.hosts);
      await clock.sleep(5000);
    }
    const told = await Promise.all(
      (await worker.runs.all()).map(async (summary) => ({ ...summary, journal: (await readJournal(store, summary.subject)).entries })),
    );
    const machines = new Map([...fleet.hosts].map(([name, { count }]) => [name, count]));
    return account(told, machines, { rounds, runs, events, say });
  } finally {
    await worker.stop();
    await fleet.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const unfinished = async (worker: Worker): Promise<number> =>
  (await worker.runs.all()).filter(({ status }) => status !== "finished").length;

/** A person looks at the box of every parked run, and says what is to be seen: it goes on from there. */
async function answerPeople(worker: Worker, store: EventStore, hosts: Fleet["hosts"]): Promise<void> {
  for (const { run, key, status, step = "", subject } of await worker.runs.all()) {
    if (status !== "parked") continue;
    const { entries } = await readJournal(store, subject);
    const intent = entries.findLast((entry) => entry.is === "intent" && entry.step === step);
    const power = hosts.get(key)?.power() ?? "off";
    // In between there is nothing to say yet.
    if (power.startsWith("powering")) continue;
    const wanted = intent?.is === "intent" && intent.verb === "force-off" ? "off" : "on";
    const word = intent && power === wanted ? "happened" : "did-not-happen";
    await worker.accept({
      type: runResumeRequested.type,
      data: { run, step, word },
      origin: "operator",
      source: "fleet",
      id: `${run}-${entries.length}`,
      actor: "chaos",
    });
  }
}

async function startFleet(dice: Dice, clock: ReturnType<typeof scaledClock>): Promise<Fleet> {
  const transport = createIpmiTransport({ clock });
  const hosts = new Map<string, Host>();
  const powers = new Map<string, Power>();
  const lines: BadLine[] = [];
  const bmcs: { close(): Promise<void> }[] = [];
  for (const [index, maker] of makers.flatMap((one) => Array.from({ length: onTurns }, () => one)).entries()) {
    const name = `m-${index}`;
    const host = createHost({ name, clock, bootMs: 4000 });
    const known = { machine: name, ...login, expect: { uuid: host.identity.uuid }, clock };
    if (maker === "ipmi") {
      const bmc = await createIpmiBmc({ host, clock, ...login });
      const line = await createBadDatagrams(bmc.port, dice);
      powers.set(name, createIpmiPower({ ...known, host: "127.0.0.1", port: line.port, transport }));
      bmcs.push(bmc);
      lines.push(line);
    } else {
      const bmc = await createRedfishBmc({ host, clock, personality: maker, ...login });
      const line = await createBadConnections(bmc.port, dice);
      powers.set(name, createRedfishPower({ ...known, address: `127.0.0.1:${line.port}`, auth: "auto", tls: { pin: bmc.fingerprint() } }));
      bmcs.push(bmc);
      lines.push(line);
    }
    hosts.set(name, host);
  }
  return {
    hosts,
    lines,
    powers: {
      of(machine) {
        const power = powers.get(machine);
        if (!power) throw new Error(`the fleet has no machine ${machine}`);
        return power;
      },
    },
    async close() {
      await Promise.all([...powers.values()].map((power) => power.close()));
      await transport.close();
      await Promise.all([...lines, ...bmcs].map((one) => one.close()));
    },
  };
}
