import type { NodeView } from "#adapters/cluster/port.ts";
import type { Desk, MachineRow, Why } from "#adapters/http/port.ts";
import type { Machine } from "#adapters/inventory/mod.ts";
import { explain, humanDuration, type LedgerEntry, readJournal, type Worker } from "#events";
import type { Ports } from "#functions/define.ts";
import { judgeIdentity, trustOf } from "#functions/guards/mod.ts";
import { createPins } from "./pins.ts";

/** What people see of the machines: live state, and why something was or was not done. */
export function createRack(options: { worker: Worker; ports: Ports }) {
  const { worker, ports } = options;
  const { office, runs } = worker;
  const pins = createPins(office.store);

  const nodesNow = async (): Promise<readonly NodeView[] | undefined> => {
    try {
      return await ports.cluster.nodes(AbortSignal.timeout(5000));
    } catch {
      return undefined;
    }
  };

  const askBmc = async (
    machine: Machine,
    node: NodeView | undefined,
  ): Promise<Pick<MachineRow, "power" | "identity" | "identityDetail" | "canProveOff">> => {
    if (!machine.bmc) return { power: "no BMC", identity: "cannot-tell", identityDetail: "no BMC to ask", canProveOff: false };
    const signal = AbortSignal.timeout(8000);
    try {
      const power = ports.power.of(machine.name);
      const { raw } = await power.state(signal);
      const { says, reason } = judgeIdentity(machine, await power.identity(signal), node);
      const canProveOff = (await power.capabilities(signal)).has("prove-off");
      return {
        power: raw,
        identity: says === "allow" ? "agrees" : says === "ask" || reason.includes("cannot be proven") ? "cannot-tell" : "contradicts",
        identityDetail: reason,
        canProveOff,
      };
    } catch (error) {
      return { power: "no answer", identity: "cannot-tell", identityDetail: explain(error), canProveOff: false };
    }
  };

  const row = async (machine: Machine, nodes: readonly NodeView[] | undefined): Promise<MachineRow> => {
    const node = nodes?.find((item) => item.machine === machine.name);
    const [ledger, holder, incident, trust, bmc] = await Promise.all([
      office.ledger.of(machine.name),
      office.claims.holder(machine.name),
      office.incidents.of(machine.name),
      trustOf(machine.name, office.settings, ports.inventory),
      askBmc(machine, node),
    ]);
    const [hold] = await holdsOn(machine);
    // After its BMC was asked: what was seen for the first time is pinned by now.
    const pinned = await pins.get(machine.name);
    return {
      name: machine.name,
      role: machine.role,
      pool: machine.pool,
      node: machine.node,
      ready: nodes === undefined ? "unknown (the API does not answer)" : (node?.ready ?? "no Node"),
      bmc: machine.bmc ? `${machine.bmc.kind} ${machine.bmc.address}` : "none",
      ...bmc,
      trust,
      gpus: machine.gpus === 0 ? "" : `${node?.gpus.allocatable ?? "?"}/${machine.gpus}`,
      ...(ledger.want === undefined ? {} : { want: ledger.want }),
      ...(hold === undefined ? {} : { hold }),
      ...(ledger.quarantine === undefined ? {} : { quarantine: ledger.quarantine.reason }),
      ...(incident?.state === "open" ? { incident: incident.reason } : {}),
      ...(holder === undefined ? {} : { run: holder.run }),
      ...(pinned === undefined ? {} : { pinned }),
    };
  };

  const holdsOn = async (machine: Machine): Promise<string[]> => {
    const names = { machine: machine.name, pool: machine.pool, rack: machine.rack, all: "all" };
    const holds = (await office.settings.holds(office.clock.now())).filter(
      (hold) => hold.scope === "all" || names[hold.scope] === hold.name,
    );
    return holds.map((hold) => `${hold.reason} (${hold.by})`);
  };

  const why = async (name: string, frozen: Desk["frozen"]): Promise<Why> => {
    const machine = ports.inventory.machine(name);
    const [ledger, incident, trust, holds, freeze, all] = await Promise.all([
      office.ledger.of(name),
      office.incidents.of(name),
      trustOf(name, office.settings, ports.inventory),
      holdsOn(machine),
      frozen(),
      runs.all(),
    ]);
    const mine = all.filter((summary) => summary.key === name).toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
    const recent = await Promise.all(
      mine.slice(0, 5).map(async (summary) => {
        const { entries } = await readJournal(office.store, summary.subject);
        const judged = entries.findLast((entry) => entry.is === "judged" || entry.is === "intent");
        const last = entries.at(-1);
        return {
          summary,
          verdicts: judged?.verdicts ?? [],
          ...(judged
            ? {
                act: { step: judged.step, at: new Date(judged.at).toISOString(), ...(judged.is === "intent" ? { verb: judged.verb } : {}) },
              }
            : {}),
          ...(last?.is === "finished" ? { ended: `${last.status}${last.reason ? `: ${last.reason}` : ""}` } : {}),
        };
      }),
    );
    const found: Omit<Why, "answer"> = {
      machine: name,
      ledger,
      ...(incident ? { incident } : {}),
      trust,
      holds,
      ...(freeze ? { frozen: freeze.reason } : {}),
      runs: recent,
    };
    return { ...found, answer: answer(found, ledger) };
  };

  const answer = (found: Omit<Why, "answer">, ledger: LedgerEntry): string => {
    const latest = found.runs[0];
    if (latest && latest.summary.status !== "finished") return `${latest.summary.function} is working on it: ${latest.summary.reason}`;
    if (found.frozen !== undefined) return `Everything is frozen: ${found.frozen}`;
    if (ledger.quarantine) return `It is quarantined: ${ledger.quarantine.reason}. When it is safe: lightsout release ${found.machine}`;
    if (found.holds.length > 0) return `It is held: ${found.holds.join("; ")}`;
    if (ledger.want === "off") return `It is meant to be off (${ledger.by ?? "somebody"}: ${ledger.why ?? "no reason given"})`;
    if (found.trust === "observe") return "Its trust is observe: everything is decided and shown, nothing is done";
    if (latest?.ended !== undefined) return `The last run, ${latest.summary.function}, ended ${latest.ended}`;
    if (found.incident?.state === "open")
      return `It has been lost for ${humanDuration(office.clock.now() - found.incident.openedAt)}: ${found.incident.reason}`;
    return "Nothing has happened to it that Lightsout knows of";
  };

  return {
    async rows(): Promise<MachineRow[]> {
      const nodes = await nodesNow();
      return Promise.all(ports.inventory.machines().map((machine) => row(machine, nodes)));
    },
    why,
  };
}
