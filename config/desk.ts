import { createRequire } from "node:module";
import type { Desk, Health, PlannedRun } from "#adapters/http/port.ts";
import type { Arms } from "#adapters/netboot/port.ts";
import {
  type Entry,
  encodeToken,
  explain,
  invalidEvent,
  LightsoutError,
  planEvent,
  type RunSummary,
  readJournal,
  summaryFromJournal,
  type Worker,
} from "#events";
import type { Ports } from "#functions/define.ts";
import { lookAtAttested } from "./attested.ts";
import { createConfigDesk } from "./config-desk.ts";
import { createLetters } from "./letters.ts";
import { createLocator } from "./locator.ts";
import { type RackOptions, readRack } from "./rack.ts";
import type { Config } from "./schema.ts";
import { scorecard } from "./shadow.ts";
import { explainMachine } from "./why.ts";

const { version } = createRequire(import.meta.url)("../package.json") as { version: string };

/** What the ways in are served from: one worker, its store and the ports. */
export function createDesk(options: {
  config: Config;
  worker: Worker;
  ports: Ports;
  stopFile: () => string | undefined;
  clusterHealth: () => Health["cluster"];
  upToDate: () => boolean;
  arms: Arms | undefined;
  guardsOver: RackOptions["guardsOver"];
  drills: boolean;
}): Desk {
  const { config, drills, guardsOver, worker, ports, stopFile } = options;
  const { office, runs } = worker;
  const { store } = office;
  const sight = { office, runs, ports };
  const letters = createLetters(worker);

  const frozen: Desk["frozen"] = async () => {
    const file = stopFile();
    if (file !== undefined) return { reason: `the file ${file} is there`, by: "STOP file", since: "" };
    return office.settings.freeze();
  };
  const journalOf = async (summary: RunSummary) => (await readJournal(store, summary.subject)).entries;
  const find = async (id: string): Promise<RunSummary | undefined> => {
    const known = await runs.get(encodeToken(id));
    if (known) return known;
    const alike = (await runs.all()).filter((summary) => summary.run.startsWith(id));
    if (alike.length > 1)
      throw new LightsoutError("LO_RUN_AMBIGUOUS", `${alike.length} runs begin with ${id}`, { hint: "Give more of the id" });
    if (alike[0]) return alike[0];
    // One that began a moment ago may stand in its journal only.
    const [subject] = await store.log.subjects("journal", `*.${encodeToken(id)}`);
    return subject === undefined ? undefined : summaryFromJournal(office, subject);
  };

  return {
    site: config.site,
    version,
    events: [...office.bus.known.values()],
    accept: (incoming) => worker.accept(incoming),
    runs: async () => (await runs.all()).toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1)),
    async run(id) {
      const summary = await find(id);
      return summary && { summary, journal: await journalOf(summary) };
    },
    async follow(id, onEntry) {
      const summary = await find(id);
      if (!summary) throw new LightsoutError("LO_RUN_UNKNOWN", `there is no run ${id}`, { hint: "lightsout runs" });
      return store.log.follow("journal", summary.subject, 0, (record) => onEntry(record.data as unknown as Entry, record.seq));
    },
    async questions() {
      const asking = (await runs.all()).filter((summary) => summary.status === "asking");
      const found = await Promise.all(asking.map(async (summary) => openQuestion(summary, await journalOf(summary))));
      return found.filter((question) => question !== undefined);
    },
    machines: () => readRack({ ...sight, drills, guardsOver }),
    why: (machine) => explainMachine(machine, { ...sight, drills, frozen }),
    plan: (incoming) => planned(incoming),
    attested: (machine) => lookAtAttested(machine, { power: ports.power, settings: office.settings, clock: office.clock }),
    identify: createLocator(office, ports),
    dead: () => letters.all(),
    replay: (seq, actor) => letters.replay(seq, actor),
    frozen,
    shadow: (days) => scorecard(worker, days),
    holds: () => office.settings.holds(office.clock.now()),
    ...createConfigDesk({ config, ports, arms: options.arms }),
    health,
  };

  async function planned(incoming: Parameters<Desk["plan"]>[0]): Promise<PlannedRun[]> {
    const definition = office.bus.known.get(incoming.type);
    if (!definition) throw new LightsoutError("LO_EVENT_UNKNOWN", `unknown event type "${incoming.type}"`);
    const parsed = definition.schema.safeParse(incoming.data);
    if (!parsed.success) throw invalidEvent(incoming.type, parsed.error.issues);
    if (definition.intends) ports.inventory.machine(definition.key(parsed.data));
    return planEvent(office, incoming);
  }

  async function health(): Promise<Health> {
    const detail = await store.health().catch((error) => ({ ok: false, detail: explain(error) }));
    const all = detail.ok ? await runs.all().catch(() => []) : [];
    return {
      ok: detail.ok,
      store: detail,
      cluster: options.clusterHealth(),
      runs: {
        working: all.filter(({ status }) => status !== "finished" && status !== "parked").length,
        parked: all.filter(({ status }) => status === "parked").length,
      },
      frozen: (await frozen().catch(() => undefined)) !== undefined,
      upToDate: options.upToDate(),
    };
  }
}

function openQuestion(summary: RunSummary, journal: readonly Entry[]) {
  const asked = journal.findLast((entry) => entry.is === "asked");
  if (
    asked?.is !== "asked" ||
    journal.some((entry) => entry.is === "decided" && entry.step === asked.step && entry.digest === asked.digest)
  )
    return undefined;
  const { run, function: functionId, key } = summary;
  const { step, nonce, digest, ask, plan, from, until } = asked;
  return { run, function: functionId, machine: key, step, nonce, digest, ask, plan, from, until: new Date(until).toISOString() };
}
