import { runSuperseded } from "../catalogue/run.ts";
import { stableId } from "../define-event.ts";
import { isFinished, readJournal } from "../journal.ts";
import { leave } from "./finish.ts";
import { type Drive, machineOf } from "./office.ts";
import { patiently } from "./waits.ts";

/** How often a contender looks again, besides being woken by the claim's release. */
const lookAgainMs = 5000;

/**
 * Takes the machine for this run before it does anything, waiting for the run that has it. The claim of a finished run is
 * freed; a run of lower precedence is asked to end. A run holds nothing while it waits here, so waits cannot form a circle.
 */
export async function claimMachine(drive: Drive): Promise<void> {
  const { office, spec, name, journal } = drive;
  const machine = machineOf(spec, name.key);
  if (machine === undefined) return;
  const claim = { run: name.run, function: spec.id, subject: journal.subject };
  let noted = false;
  for (;;) {
    const taken = await patiently(drive, () => office.claims.take(machine, claim));
    if (taken.mine) break;
    const { holder } = taken;
    const { entries } = await patiently(drive, () => readJournal(office.store, holder.subject));
    if (entries.length === 0 || isFinished(entries)) {
      // Its worker may have died between its end and its ledger: what it left is written down before its claim moves.
      await patiently(drive, () => leave(office, { ...holder, key: machine }, machine, entries));
      await patiently(drive, () => office.claims.pass(machine, holder.run, claim));
      continue;
    }
    if (office.precedence[spec.id]?.includes(holder.function)) {
      await patiently(drive, () =>
        office.bus.publish(
          runSuperseded,
          { run: holder.run, by: name.run, function: spec.id },
          { id: stableId("supersede", holder.run, name.run), source: `lightsout/${office.site}/run/${name.run}` },
        ),
      );
    }
    const reason = `${machine} is held by ${holder.function} (run ${holder.run})`;
    if (!noted) await journal.append({ is: "waiting", step: "claim", reason, paused: true });
    noted = true;
    drive.show({ status: "waiting", reason, nextWake: office.clock.now() + lookAgainMs });
    await drive.control.wait(lookAgainMs);
    drive.control.boundary();
  }
  await takeOverWhatIsLeft(drive, machine);
}

/** What the last run on this machine left: its marks become ours, and its unresolved act gets the time to show. */
async function takeOverWhatIsLeft(drive: Drive, machine: string): Promise<void> {
  const { office, journal, name } = drive;
  // A run that is resumed has its turn already: on a full disk it must get to its outcome, and the ledger could not be written.
  const turn = () => office.ledger.change(machine, (now) => (now.turn === name.run ? now : { ...now, turn: name.run }));
  const { left, unsettled } = await patiently(drive, turn);
  if (left && left.run !== name.run) {
    if (!journal.entries.some((entry) => entry.is === "inherited" && entry.from === left.run)) {
      const { run: from, ...rest } = left;
      await journal.append({ is: "inherited", from, ...rest });
    }
    await patiently(drive, () =>
      office.ledger.change(machine, ({ left: now, ...rest }) => (now && now.run !== left.run ? { ...rest, left: now } : rest)),
    );
  }
  if (unsettled && unsettled.run !== name.run) {
    const reason = `${unsettled.verb} by run ${unsettled.run} may still take effect: waiting until it must have shown`;
    await journal.append({ is: "waiting", step: "settle", reason, paused: true });
    const until = office.clock.mono() + unsettled.settleMs;
    drive.show({ status: "waiting", reason, nextWake: office.clock.now() + unsettled.settleMs });
    while (office.clock.mono() < until) {
      await drive.control.wait(until - office.clock.mono());
      drive.control.boundary();
    }
    await patiently(drive, () =>
      office.ledger.change(machine, ({ unsettled: now, ...rest }) =>
        now && now.run !== unsettled.run ? { ...rest, unsettled: now } : rest,
      ),
    );
  }
}
