import { z } from "zod";
import type { ActVerb, Obligation, RunSummary, Verdict } from "#events";
import { component } from "./component.ts";

/** A moment as every answer writes it: ISO 8601, in UTC. */
export const moment = z.iso.datetime();

/** What can be done to a machine. */
export const verb = component<ActVerb>()(
  "ActVerb",
  z
    .enum([
      ...(["power-on", "power-off", "force-off", "reset", "boot-once", "reset-controller", "cordon", "taint-out-of-service"] as const),
      ...(["os-reboot", "os-shutdown", "os-reset", "apply-config", "configure", "bootstrap", "upgrade", "rollback"] as const),
      ...(["etcd-remove-member", "approve-serving", "settle-node"] as const),
    ])
    .describe("power-off asks, force-off cuts the power; os-… are asked of the operating system, os-reset wipes"),
);

export const obligation = component<Obligation>()(
  "Obligation",
  z
    .strictObject({
      kind: z.enum(["cordon", "out-of-service-taint", "boot-override", "arm"]),
      machine: z.string(),
      undo: z.string().describe("the command that undoes it by hand"),
    })
    .describe("what a run has set in the world and must take back"),
);

export const verdict = component<Verdict>()(
  "Verdict",
  z
    .strictObject({
      guard: z.string(),
      says: z.enum(["allow", "wait", "ask", "refuse", "observe"]),
      reason: z.string(),
      quarantine: z.boolean().exactOptional(),
    })
    .describe("one guard's answer, asked before an act"),
);

export const runSummary = component<RunSummary>()(
  "RunSummary",
  z
    .strictObject({
      run: z.string(),
      function: z.string(),
      key: z.string().describe("what it is about, usually a machine"),
      subject: z.string(),
      event: z.strictObject({ type: z.string(), id: z.string(), source: z.string() }),
      worker: z.string(),
      status: z.enum(["queued", "running", "waiting", "asking", "parked", "finished"]),
      reason: z.string(),
      step: z.string().exactOptional(),
      nextWake: moment.exactOptional().describe("when it looks again by itself, at the latest"),
      startedAt: moment,
      updatedAt: moment,
      obligations: z.array(obligation),
      entries: z.int().exactOptional(),
    })
    .describe("one function's work on one event"),
);
