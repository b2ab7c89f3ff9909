import { z } from "zod";
import type { Incident, LedgerEntry } from "#events";
import type { DrillRow, MachineRow, Objection, PlannedRun, Why } from "../port.ts";
import { component } from "./component.ts";
import { moment, obligation, runSummary, verb, verdict } from "./run.ts";

const text = z.string().exactOptional();

/** Trust as it was given, and as it counts now. */
const trusted = {
  trust: z.string(),
  trustInForce: z.string().describe("auto that rests on no drill is ask"),
  trustWhy: text.describe("why less is in force than was given"),
};

const drill = component<DrillRow>()(
  "Drill",
  z
    .strictObject({
      at: moment,
      run: z.string(),
      offMs: z.number(),
      bootMs: z.number(),
      gpus: z.int(),
      lapsed: text.describe("why it no longer counts"),
    })
    .describe("the last drill that a machine has passed"),
);

const objection = component<Objection>()(
  "Objection",
  z
    .strictObject({
      against: z.array(z.enum(["recovery", "off", "on"])),
      guard: z.string(),
      says: z.string(),
      reason: z.string(),
    })
    .describe("a guard's objection to an act that nobody has asked for yet"),
);

export const machineRow = component<MachineRow>()(
  "Machine",
  z
    .strictObject({
      name: z.string(),
      role: z.string(),
      pool: z.string(),
      node: z.string(),
      ready: z.string().describe("the Node's Ready as last seen"),
      bmc: z.string(),
      powerState: z.enum(["on", "off", "unknown"]),
      power: z.string().describe("the BMC's answer now, or what is wrong with it"),
      identity: z.enum(["agrees", "contradicts", "cannot-tell"]).describe("do BMC, Node and inventory agree on who it is?"),
      agree: z.array(z.enum(["inventory", "BMC", "Node"])).describe("which of the three name the same machine"),
      identityDetail: z.string(),
      witnesses: z
        .strictObject({ inventory: text, bmc: text, node: text })
        .describe("what each of them says, as uuid … or serial …; absent where it says nothing"),
      canProveOff: z.boolean(),
      pinned: text.describe("SHA-256 of its BMC's certificate, where it was trusted on first use"),
      ...trusted,
      drill: drill.exactOptional(),
      gpus: z.string(),
      want: z.string().exactOptional(),
      holds: z.array(z.string()).describe("everything that holds it"),
      quarantine: z.string().exactOptional(),
      incident: z.string().exactOptional(),
      run: z.string().exactOptional().describe("the run that holds it"),
      objections: z.array(objection).describe("what guards would say now against acting on it"),
    })
    .describe("a machine as it is now"),
);

const want = z.enum(["on", "off"]);
type Said = NonNullable<LedgerEntry["before"]>;

const said = component<Said>()(
  "Said",
  z
    .strictObject({
      want: want.exactOptional(),
      why: text,
      by: text,
      since: text,
      event: text,
      before: z.lazy((): z.ZodType<Said> => said).exactOptional(),
    })
    .describe("what somebody said a machine should be; before is what stands again if the run of event does nothing"),
);

const ledgerEntry = component<LedgerEntry>()(
  "LedgerEntry",
  z
    .strictObject({
      ...said.shape,
      machine: z.string(),
      quarantine: z.strictObject({ reason: z.string(), run: z.string(), since: z.string() }).exactOptional(),
      turn: text,
      left: z
        .strictObject({ run: z.string(), obligations: z.array(obligation), before: z.array(z.string()).exactOptional() })
        .exactOptional()
        .describe("what a run left standing in the world, for whoever works on the machine next"),
      unsettled: z.strictObject({ run: z.string(), verb, settleMs: z.number() }).exactOptional(),
    })
    .describe("what a machine is meant to be, and what stands against touching it"),
);

const incident = component<Incident>()(
  "Incident",
  z
    .strictObject({
      machine: z.string(),
      id: z.string(),
      state: z.enum(["open", "closed"]),
      reason: z.string(),
      openedAt: z.number(),
      closedAt: z.number().exactOptional(),
      round: z.int(),
      bootID: text,
      workloads: z.array(z.string()).exactOptional(),
    })
    .describe("a lost machine, from leaving Ready until its proven return; times are milliseconds since 1970"),
);

export const why = component<Why>()(
  "Why",
  z
    .strictObject({
      machine: z.string(),
      ledger: ledgerEntry,
      incident: incident.exactOptional(),
      ...trusted,
      holds: z.array(z.string()),
      frozen: text,
      attested: text.describe("who says that it is off, where its BMC cannot"),
      drill: drill.exactOptional(),
      runs: z
        .array(
          z.strictObject({
            summary: runSummary,
            verdicts: z.array(verdict),
            act: z.strictObject({ step: z.string(), verb: verb.exactOptional(), at: moment }).exactOptional(),
            ended: text,
          }),
        )
        .describe("its recent runs, the newest first, and what the guards said last"),
      answer: z.string().describe("one plain sentence"),
    })
    .describe("why something was or was not done to a machine"),
);

export const plannedRun = component<PlannedRun>()(
  "PlannedRun",
  z
    .strictObject({
      function: z.string(),
      steps: z.array(z.strictObject({ step: z.string(), what: z.string(), verdicts: z.array(verdict).exactOptional() })),
      stops: text.describe("where it would stop, and why; absent when it would go through"),
    })
    .describe("what a function would do for this event now"),
);
