import type { Desk, Why } from "#adapters/http/port.ts";
import { humanDuration, type LedgerEntry, readJournal } from "#events";
import { lookAt, type Sight } from "./look.ts";
import { drillOf, holdsOn, trustedNow } from "./standing.ts";

const recentRuns = 5;

/** Why Lightsout did, or did not, act on a machine. */
export async function explainMachine(name: string, options: Sight & { frozen: Desk["frozen"]; drills: boolean }): Promise<Why> {
  const machine = options.ports.inventory.machine(name);
  const look = await lookAt(options);
  const { nodes, office } = look;
  const node = nodes ? nodes.find((item) => item.machine === name) : "silent";
  const [ledger, incident, trusted, holds, freeze, attested, drill, runs] = await Promise.all([
    office.ledger.of(name),
    office.incidents.of(name),
    trustedNow(machine, look, options.drills),
    holdsOn(machine, look, node),
    options.frozen(),
    office.settings.attestation(name, office.clock.now()),
    drillOf(machine, look),
    lastRuns(name, look),
  ]);
  const found: Omit<Why, "answer"> = {
    machine: name,
    ledger,
    ...(incident && { incident }),
    ...trusted,
    holds,
    ...(freeze && { frozen: freeze.reason }),
    ...(attested && { attested: `off, by ${attested.by} until ${attested.until}: ${attested.reason}` }),
    ...(drill && { drill }),
    runs,
  };
  return { ...found, answer: answerTo(found, ledger, office.clock.now()) };
}

async function lastRuns(name: string, { office, runs }: Sight): Promise<Why["runs"]> {
  const mine = (await runs.all()).filter((summary) => summary.key === name).toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1));
  return Promise.all(
    mine.slice(0, recentRuns).map(async (summary) => {
      const { entries } = await readJournal(office.store, summary.subject);
      const judged = entries.findLast((entry) => entry.is === "judged" || entry.is === "intent");
      const last = entries.at(-1);
      return {
        summary,
        verdicts: judged?.verdicts ?? [],
        ...(judged && {
          act: { step: judged.step, at: new Date(judged.at).toISOString(), ...(judged.is === "intent" && { verb: judged.verb }) },
        }),
        ...(last?.is === "finished" && { ended: `${last.status}${last.reason ? `: ${last.reason}` : ""}` }),
      };
    }),
  );
}

function answerTo(found: Omit<Why, "answer">, ledger: LedgerEntry, now: number): string {
  const latest = found.runs[0];
  if (latest && latest.summary.status !== "finished") return `${latest.summary.function} is working on it: ${latest.summary.reason}`;
  if (found.frozen !== undefined) return `Everything is frozen: ${found.frozen}`;
  if (ledger.quarantine) return `It is quarantined: ${ledger.quarantine.reason}. When it is safe: lightsout release ${found.machine}`;
  if (found.holds.length > 0) return `Hands off: ${found.holds.join("; ")}`;
  if (ledger.want === "off") return `It is meant to be off (${ledger.by ?? "somebody"}: ${ledger.why ?? "no reason given"})`;
  if (found.trust === "observe") return "Its trust is observe: everything is decided and shown, nothing is done";
  if (latest?.ended !== undefined) return `The last run, ${latest.summary.function}, ended ${latest.ended}`;
  if (found.incident?.state === "open")
    return `It has been lost for ${humanDuration(now - found.incident.openedAt)}: ${found.incident.reason}`;
  return "Nothing has happened to it that Lightsout knows of";
}
