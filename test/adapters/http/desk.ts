import type { ArmRow, Desk, Health, MachineProblems, MachineRow, Question } from "#adapters/http/port.ts";
import { type Accepted, builtinEvents, type Entry, type Fact, type Incoming, LightsoutError, type RunSummary } from "#events";

/** A desk in memory that remembers what it was told. Its runs are written by the test. */
export interface FakeDesk extends Desk {
  readonly accepted: Incoming[];
  readonly planned: Incoming[];
  /** Lights that were asked for. */
  readonly lit: { readonly machine: string; readonly seconds: number; readonly actor: string }[];
  /** Puts a run on the desk, queued. */
  begin(run: string, about?: Partial<RunSummary>): void;
  /** Appends to a run's journal; followers hear it. */
  write(run: string, ...facts: readonly Fact[]): void;
  ask(question: Partial<Question> & { readonly run: string }): Question;
  /** Which runs the next accepted event starts. */
  starts(...runs: readonly string[]): void;
  set(change: {
    frozen?: Awaited<ReturnType<Desk["frozen"]>>;
    health?: Partial<Health>;
    fails?: unknown;
    problems?: MachineProblems["problems"];
    differences?: readonly string[];
    arm?: ArmRow;
    word?: { counts: boolean; power: string };
  }): void;
  /** How many follow a journal now. */
  followers(): number;
}

const at = Date.parse("2026-01-01T00:00:00Z");
const machineRow: MachineRow = {
  name: "r740-01",
  role: "worker",
  pool: "gpu",
  node: "talos-r740-01",
  ready: "true",
  bmc: "redfish 10.0.10.31",
  powerState: "on",
  power: "On",
  identity: "agrees",
  agree: ["inventory", "BMC", "Node"],
  identityDetail: "BMC, Node and inventory agree by uuid",
  witnesses: { inventory: "uuid 4c4c4544-0056-3510-8033-b7c04f4a4e32", bmc: "serial 7V53JN2" },
  canProveOff: true,
  trust: "ask",
  trustInForce: "ask",
  gpus: "2/2",
  holds: [],
  objections: [{ against: ["recovery"], guard: "trust", says: "ask", reason: "For r740-01 trust is ask" }],
};

export function createFakeDesk(): FakeDesk {
  const runs = new Map<string, { summary: RunSummary; journal: Entry[] }>();
  const listeners = new Map<string, Set<(entry: Entry, seq: number) => void>>();
  const accepted: Incoming[] = [];
  const planned: Incoming[] = [];
  const lit: FakeDesk["lit"] = [];
  const questions: Question[] = [];
  let state: Parameters<FakeDesk["set"]>[0] = {};
  let next: readonly string[] = [];

  const check = (incoming: Incoming) => {
    if (state.fails !== undefined) throw state.fails;
    const definition = builtinEvents.find((event) => event.type === incoming.type);
    if (!definition) throw new LightsoutError("LO_EVENT_UNKNOWN", `unknown event type "${incoming.type}"`);
    if (definition.origin === "internal") throw new LightsoutError("LO_EVENT_FORBIDDEN", `${incoming.type} may be sent by Lightsout only`);
    const parsed = definition.schema.safeParse(incoming.data);
    if (!parsed.success) throw new LightsoutError("LO_EVENT_INVALID", `${incoming.type}: ${parsed.error.issues[0]?.message}`);
    const { machine } = parsed.data as { machine?: string };
    if (machine !== undefined) known(machine);
  };
  const known = (machine: string) => {
    if (machine === machineRow.name) return;
    throw new LightsoutError("LO_UNKNOWN_MACHINE", `No machine is called "${machine}"`, { hint: `Did you mean ${machineRow.name}?` });
  };
  const answer = (incoming: Incoming): Accepted => {
    check(incoming);
    const id = incoming.id ?? `event-${accepted.length + 1}`;
    const repeated = accepted.some((one) => one.id === id);
    accepted.push({ ...incoming, id });
    return { id, position: accepted.length, runs: next, repeated };
  };

  return {
    site: "test",
    version: "0.0.0",
    events: builtinEvents,
    accepted,
    planned,
    lit,
    accept: async (incoming) => answer(incoming),
    runs: async () => [...runs.values()].map(({ summary }) => summary),
    holds: async () => [],
    run: async (id) => runs.get(id),
    async follow(id, onEntry) {
      const mine = listeners.get(id) ?? new Set();
      listeners.set(id, mine.add(onEntry));
      for (const [index, entry] of (runs.get(id)?.journal ?? []).entries()) onEntry(entry, index + 1);
      return async () => void mine.delete(onEntry);
    },
    questions: async () => questions,
    async machines() {
      if (state.fails !== undefined) throw state.fails;
      return [machineRow];
    },
    async why(machine) {
      known(machine);
      return {
        machine,
        ledger: { machine, want: "on" },
        trust: "ask",
        trustInForce: "ask",
        holds: ["held by me (pool gpu): disks"],
        runs: [],
        answer: `${machine} is held.`,
      };
    },
    async plan(incoming) {
      check(incoming);
      planned.push(incoming);
      const verdicts = [{ guard: "trust", says: "ask", reason: "trust is ask" }] as const;
      return [{ function: "power-cycle", steps: [{ step: "power off", what: "cuts the power", verdicts }], stops: "a person is asked" }];
    },
    attested: async () => state.word ?? { counts: true, power: "off, attested" },
    async identify(machine, seconds, actor) {
      if (state.fails !== undefined) throw state.fails;
      known(machine);
      lit.push({ machine, seconds, actor });
    },
    dead: async () => [{ seq: 7, at: "2026-01-01T00:00:00Z", reason: "no such machine", event: { type: "node-lost" } }],
    async replay(seq, actor) {
      if (seq !== 7) throw new LightsoutError("LO_DEAD_UNKNOWN", `there is no dead letter ${seq}`);
      return answer({ type: "node-lost", data: { machine: machineRow.name }, origin: "operator", source: "replay", actor });
    },
    configs: {
      async show(machine) {
        known(machine);
        return "machine:\n    type: worker\n    token: (hidden)\n";
      },
      async problems(machine) {
        if (machine !== undefined) known(machine);
        return [{ machine: machineRow.name, problems: state.problems ?? [] }];
      },
      async diff(machine) {
        known(machine);
        return state.differences ?? [];
      },
    },
    netboot: {
      arms: async () => (state.arm ? [state.arm] : []),
      async disarm(machine, why) {
        known(machine);
        const { arm } = state;
        if (!arm || arm.state === "consumed") return arm;
        const disarmed: ArmRow = {
          ...arm,
          state: "disarmed",
          evidence: [...arm.evidence, { stage: "disarmed", at: "2026-01-01T00:10:00.000Z", detail: why }],
        };
        state = { ...state, arm: disarmed };
        return disarmed;
      },
      dnsmasq: () => "port=0\ninterface=eth0\n",
    },
    snapshots: async () => [
      { name: "lab-1.db", bytes: 4096, sha256: "0".repeat(64), at: "2026-01-01T00:00:00.000Z", where: "/srv/etcd/lab-1.db" },
    ],
    frozen: async () => state.frozen,
    async shadow(days) {
      return { days, totals: { decided: 0, cameBackAlone: 0, switchedLater: 0, heldBack: 0, open: 0 }, rows: [] };
    },
    async health() {
      if (state.fails !== undefined) throw state.fails;
      const cluster = { ok: true, detail: "reachable" };
      const store = { ok: true, detail: "memory" };
      return { ok: true, store, cluster, runs: { working: 0, parked: 0 }, frozen: false, upToDate: true, ...state.health };
    },
    begin(run, about = {}) {
      const time = new Date(at + runs.size * 1000).toISOString();
      const event = { type: "power-cycle", id: "e", source: "s" };
      const names = { run, function: "power-cycle", key: machineRow.name, subject: `power-cycle.${run}`, event, worker: "w" };
      const summary = {
        ...names,
        status: "queued",
        reason: "accepted",
        startedAt: time,
        updatedAt: time,
        obligations: [],
        ...about,
      } as const;
      runs.set(run, { summary, journal: [] });
    },
    write(run, ...facts) {
      const journal = runs.get(run)?.journal ?? [];
      for (const fact of facts) {
        const seq = journal.push({ ...fact, v: 1, id: String(journal.length), by: "w", at: at + journal.length * 1000 });
        for (const listener of listeners.get(run) ?? []) listener(journal[seq - 1] as Entry, seq);
      }
    },
    ask(about) {
      const defaults = { function: "power-cycle", machine: machineRow.name, step: "agree", nonce: "nonce-1", digest: "digest-1" };
      const plan = { off: machineRow.name };
      const question = { ...defaults, ask: "Cycle r740-01?", plan, from: "operators", until: "2026-01-02T00:00:00Z", ...about };
      questions.push(question);
      return question;
    },
    starts(...ids) {
      next = ids;
    },
    set(change) {
      state = { ...state, ...change };
    },
    followers: () => [...listeners.values()].reduce((sum, one) => sum + one.size, 0),
  };
}

/** Facts that tests write. */
export const parkedFact = (step = "power off"): Fact => ({ is: "parked", step, reason: "the BMC is silent", undo: ["look"], position: 1 });
export const finishedFact = (status: Extract<Fact, { is: "finished" }>["status"] = "ok"): Fact => ({ is: "finished", status });
