import { type EventDefinition, stableId } from "../define-event.ts";
import { milliseconds } from "../duration.ts";
import { LightsoutError } from "../errors.ts";
import { forebears, openObligations, waitPosition } from "../journal.ts";
import type { Json } from "../json.ts";
import { takeEffect } from "./accept.ts";
import { actStep } from "./act.ts";
import { approveStep } from "./approve.ts";
import type { Pass } from "./pass.ts";
import type { Step } from "./spec.ts";
import { deadline, look, patiently } from "./waits.ts";
import { attempted, oblige, underGuard } from "./work.ts";

/** The seven verbs for one pass through a run's handler. */
export function createStep(pass: Pass): Step {
  const { drive } = pass;
  const { office, journal, control } = drive;
  const { clock } = office;

  return {
    self: { run: drive.name.run, inherited: forebears(journal.entries) },
    run: (name, work, options = {}) =>
      pass.enter(name, async () => {
        const before = pass.done(name);
        if (before) return before.result as never;
        const { attempts = 3, timeout = "30s", leaves, leftNothing, clears, guarded } = options;
        if (clears && !openObligations(journal.entries).some((open) => open.kind === clears)) {
          await pass.record(name, undefined);
          return undefined as never;
        }
        drive.show({ status: "running", reason: name, step: name, nextWake: clock.now() + milliseconds(timeout) });
        if (leaves) await oblige(drive, name, leaves);
        const marks = leaves !== undefined || clears !== undefined;
        const tryIt = (halt?: AbortSignal) => attempted(drive, name, work, { attempts, timeoutMs: milliseconds(timeout), marks, halt });
        const result = await (guarded ? underGuard(drive, name, tryIt) : tryIt());
        if (leaves && leftNothing?.(result)) await journal.append({ is: "cleared", kind: leaves.kind });
        if (clears) await journal.append({ is: "cleared", kind: clears });
        await pass.record(name, result as Json | undefined);
        return result;
      }),

    act: (name, act, options) => pass.enter(name, () => actStep(drive, name, act, options?.attempts ?? 2)),

    until: (name, probe, { every, within, wakeOn }) =>
      pass.enter(name, async () => {
        const before = pass.done(name);
        if (before) return before.result as never;
        const left = await deadline(drive, name, milliseconds(within));
        let position = wakeOn ? await patiently(drive, () => office.bus.position()) : 0;
        for (;;) {
          const met = await look(drive, probe, Math.max(milliseconds(every), 5000));
          control.boundary();
          const isMet = met !== undefined && met !== null && met !== false;
          if (isMet || left() <= 0) {
            const result = isMet ? (met as Json) : undefined;
            await pass.record(name, result);
            return result as never;
          }
          const next = clock.mono() + Math.min(milliseconds(every), left());
          for (;;) {
            const wait = next - clock.mono();
            if (wait <= 0) break;
            await control.wait(wait);
            control.boundary();
            if (!wakeOn) continue;
            const news = await patiently(drive, () => office.bus.since(wakeOn, drive.name.key, position));
            position = news.at(-1)?.position ?? position;
            if (news.length > 0) break;
          }
        }
      }),

    sleep: (name, duration) =>
      pass.enter(name, async () => {
        if (pass.done(name)) return;
        const left = await deadline(drive, name, milliseconds(duration));
        while (left() > 0) {
          await control.wait(left());
          control.boundary();
        }
        await pass.record(name, undefined);
      }),

    waitFor: (name, event, { within, where }) =>
      pass.enter(name, async () => {
        const before = pass.done(name);
        if (before) return before.result as never;
        const from = waitPosition(journal.entries);
        const left = await deadline(drive, name, milliseconds(within));
        for (;;) {
          const news = await patiently(drive, () => office.bus.since(event, drive.name.key, from));
          const match = news.find((item) => where?.(item.event.data) ?? true);
          if (match || left() <= 0) {
            await pass.record(name, match?.event.data as Json | undefined, match?.position);
            return match?.event.data;
          }
          await control.wait(left());
          control.boundary();
        }
      }),

    approve: (name, options) => pass.enter(name, () => approveStep(pass, name, { ...options, withinMs: milliseconds(options.within) })),

    emit: (name, event, data) =>
      pass.enter(name, async () => {
        if (pass.done(name)) return;
        if (event.intends && drive.spec.acts.length > 0 && event.key(data) === drive.name.key) {
          throw new LightsoutError("LO_EMIT_SELF", `step "${name}" emits ${event.type} for ${drive.name.key}, the machine this run holds`, {
            hint: "Act on it in this run, or emit it for another machine",
          });
        }
        const source = `lightsout/${office.site}/run/${drive.name.run}`;
        const id = stableId(drive.name.run, name);
        // What a person asked for stays their word when it is handed on.
        const { lsactor: actor } = drive.event;
        await patiently(drive, () => takeEffect(office, event as EventDefinition, event.key(data), data, { id, by: actor ?? source }));
        await patiently(drive, () => office.bus.publish(event, data, { id, source, actor }));
        await pass.record(name, undefined);
      }),
  };
}
