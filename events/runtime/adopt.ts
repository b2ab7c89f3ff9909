import { explain } from "../errors.ts";
import { isFinished, journalFormat, ownerOf, readJournal } from "../journal.ts";
import { createLeaseWatch, type LeaseTimes } from "../leases.ts";
import type { Runs } from "../runs.ts";
import type { Ear } from "./hearing.ts";
import type { Hands } from "./held.ts";
import type { Office } from "./office.ts";
import { searchEveryMs } from "./search.ts";

/** Whether a worker is dead, for all we can see. */
type Expired = (worker: string) => Promise<boolean>;

interface Adoption {
  readonly office: Office;
  readonly runs: Runs;
  readonly hands: Hands;
  readonly ear: Ear;
  readonly times: LeaseTimes;
  /** Resolves while this worker holds a lease. */
  readonly standing: () => Promise<void>;
  readonly halted: AbortSignal;
}

/**
 * Takes over the runs of dead workers, and its own that it let go, until it is halted. It looks at the leases once a beat, and at the runs when
 * a search starts.
 */
export async function adoptOrphans(adoption: Adoption): Promise<void> {
  const { office, times, halted } = adoption;
  const { expired } = createLeaseWatch(office.store, office.clock, times);
  while (!halted.aborted) {
    await look(adoption, expired).catch((error) => {
      office.search.wanted();
      office.log.note("warn", `looking for orphaned runs failed: ${explain(error)}`);
    });
    await office.clock.sleep(times.beatMs, halted).catch(() => undefined);
  }
}

async function look(adoption: Adoption, expired: Expired): Promise<void> {
  const { office, runs, hands, standing, halted } = adoption;
  await standing();
  const living = new Set<string>();
  for (const { key: worker } of await office.store.kv.list("leases")) {
    office.search.saw(worker);
    if (worker === office.worker() || !(await expired(worker))) living.add(worker);
  }
  if (!office.search.starts(living)) return;
  const orphaned = async (owner: string) => owner === office.worker() || (!living.has(owner) && (await expired(owner)));
  for (const { run, subject, status } of await runs.all()) {
    if (status !== "finished" && !hands.has(run) && !halted.aborted) await takeOver(adoption, run, subject, orphaned);
  }
}

/** The index may lag: the journal says who owns the run. */
async function takeOver(
  { office, runs, hands, ear, halted }: Adoption,
  run: string,
  subject: string,
  orphaned: (owner: string) => Promise<boolean>,
): Promise<void> {
  const { store, clock, specs } = office;
  const { entries, last } = await readJournal(store, subject);
  const started = entries[0];
  if (started?.is !== "started" || hands.has(run)) return;
  const spec = specs.find((item) => item.id === started.function);
  if (!spec || entries.some((entry) => entry.v > journalFormat)) {
    const why = spec ? "its journal has a newer format" : `function ${started.function} is not here`;
    const nextWake = new Date(clock.now() + searchEveryMs).toISOString();
    await runs.set(run, (now) => now && { ...now, status: "waiting", reason: `no worker can take it: ${why}`, nextWake });
    return;
  }
  const victim = ownerOf(entries) ?? "";
  if (!(await orphaned(victim)) || halted.aborted) return;
  await hands.take(spec, { run, subject, entries, last }, async (one) => {
    if (!isFinished(entries)) await one.drive.journal.append({ is: "fenced", victim });
    await ear.catchUp(one);
  });
}
