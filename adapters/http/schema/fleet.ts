import { z } from "zod";
import type { Accepted } from "#events";
import type { ArmRow, DeadLetter, Health, Hold, MachineProblems, Question, Scorecard, Snapshot } from "../port.ts";
import { component } from "./component.ts";
import { moment, verdict } from "./run.ts";

/** What was let in. */
export const accepted = component<Omit<Accepted, "position">>()(
  "Accepted",
  z
    .strictObject({
      id: z.string(),
      runs: z.array(z.string()).describe("the runs it starts, or has started"),
      repeated: z.boolean().describe("it was here before: nothing new begins"),
    })
    .describe("an event that was let in; what follows is a run's work"),
);

export const question = component<Question>()(
  "Question",
  z
    .strictObject({
      run: z.string(),
      function: z.string(),
      machine: z.string().exactOptional(),
      step: z.string(),
      nonce: z.string(),
      digest: z.string(),
      ask: z.string(),
      plan: z.unknown(),
      from: z.string(),
      until: moment,
    })
    .describe("what a run asks a person"),
);

export const freeze = component<{ reason: string; by: string; since: string }>()(
  "Freeze",
  z
    .strictObject({ reason: z.string(), by: z.string(), since: z.string().describe("empty for a STOP file") })
    .describe("the stop of every act"),
);

export const hold = component<Hold>()(
  "Hold",
  z
    .strictObject({
      scope: z.string(),
      name: z.string(),
      reason: z.string(),
      by: z.string(),
      since: moment,
      until: moment.exactOptional().describe("absent: until somebody releases it"),
    })
    .describe("hands off, as somebody said"),
);

export const deadLetter = component<DeadLetter>()(
  "DeadLetter",
  z
    .strictObject({
      seq: z.int(),
      at: moment,
      reason: z.string(),
      function: z.string().exactOptional(),
      run: z.string().exactOptional(),
      event: z.unknown(),
    })
    .describe("an event that no run could be made of, or whose run failed"),
);

export const scorecard = component<Scorecard>()(
  "Scorecard",
  z
    .strictObject({
      days: z.int(),
      totals: z.strictObject({ decided: z.int(), cameBackAlone: z.int(), switchedLater: z.int(), heldBack: z.int(), open: z.int() }),
      rows: z
        .array(
          z.strictObject({
            run: z.string(),
            function: z.string(),
            machine: z.string(),
            at: moment,
            would: z.string(),
            verdicts: z.array(verdict),
            heldBackBy: z.array(z.string()).describe("guards that would have held it back, whatever trust allows"),
            // biome-ignore lint/suspicious/noThenProperty: a word of the answer; nothing that can be called stands there.
            then: z.enum(["came-back-alone", "switched-later", "open"]),
            afterMs: z.number().exactOptional(),
          }),
        )
        .describe("the oldest first"),
    })
    .describe("what would have been done where Lightsout only observes, and what then happened"),
);

const who = { site: z.string(), version: z.string() };

export const health = component<Health & { site: string; version: string }>()(
  "Health",
  z
    .strictObject({
      ...who,
      ok: z.boolean(),
      store: z.strictObject({ ok: z.boolean(), detail: z.string() }),
      cluster: z.strictObject({ ok: z.boolean(), detail: z.string() }),
      runs: z.strictObject({ working: z.int(), parked: z.int() }),
      frozen: z.boolean(),
      upToDate: z.boolean(),
    })
    .describe("whether all is well"),
);

export const unknownHealth = component<{ ok: false; detail: string; site: string; version: string }>()(
  "UnknownHealth",
  z.strictObject({ ...who, ok: z.literal(false), detail: z.string() }).describe("it could not be found out"),
);

export const machineProblems = component<MachineProblems>()(
  "MachineProblems",
  z.strictObject({
    machine: z.string(),
    problems: z
      .array(
        z.strictObject({
          code: z.string(),
          level: z.enum(["error", "warning"]),
          path: z.string(),
          message: z.string(),
          fix: z.string(),
        }),
      )
      .describe("errors first"),
  }),
);

export const armRow = component<ArmRow>()(
  "Arm",
  z
    .strictObject({
      machine: z.string(),
      run: z.string(),
      state: z.enum(["armed", "taken", "consumed", "disarmed"]),
      boots: z.string().describe("the kernel that it lets the machine load"),
      expires: moment,
      evidence: z.array(z.strictObject({ stage: z.string(), at: moment, detail: z.string() })).describe("what was seen, oldest first"),
    })
    .describe("a machine's last permission to boot from the network"),
);

export const snapshot = component<Snapshot>()(
  "Snapshot",
  z
    .strictObject({ name: z.string(), bytes: z.int(), sha256: z.string(), at: moment, where: z.string() })
    .describe("a kept snapshot of etcd"),
);
