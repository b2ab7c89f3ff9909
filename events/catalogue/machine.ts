import { z } from "zod";
import { defineEvent } from "../define-event.ts";

const machine = z.string().min(1);
const reason = z.string().optional();
/** Self-protection, and the only control plane of a cluster, are lifted for exactly this machine by naming it again. */
const confirm = z.string().optional();

/** Wipe a machine and install it anew, as it is declared. */
export const rebuildRequested = defineEvent("rebuild-requested", {
  origin: "operator",
  schema: z.strictObject({ machine, reason, confirm }),
  key: (data) => data.machine,
  intends: "on",
});

/** Install a machine that is off (or waits in maintenance) and carries nothing, as it is declared. */
export const installRequested = defineEvent("install-requested", {
  origin: "operator",
  schema: z.strictObject({ machine, reason, confirm }),
  key: (data) => data.machine,
  intends: "on",
});

/** A machine's operating system has started: seen by its boot id. */
export const machineBooted = defineEvent("machine-booted", {
  schema: z.strictObject({ machine, bootId: z.string(), version: z.string(), schematic: z.string().optional() }),
  key: (data) => data.machine,
});

/** A machine waits for a configuration. */
export const maintenanceEntered = defineEvent("maintenance-entered", {
  schema: z.strictObject({ machine, seen: z.string() }),
  key: (data) => data.machine,
});

/** Compare what is declared with what runs: of one machine, or of all. */
export const driftCheckRequested = defineEvent("drift-check-requested", {
  origin: "external",
  schema: z.strictObject({ machine: machine.optional() }),
  key: (data) => data.machine ?? "fleet",
});

/** A machine does not run what is declared of it: news, told when it is found and when it changes. */
export const driftFound = defineEvent("drift-found", {
  schema: z.strictObject({
    machine,
    drift: z.array(
      z.strictObject({
        of: z.enum(["version", "schematic", "extensions", "configuration", "labels", "taints", "boot-order", "kubernetes"]),
        declared: z.string(),
        running: z.string(),
      }),
    ),
  }),
  key: (data) => data.machine,
});

/** A machine runs what is declared of it again. */
export const driftGone = defineEvent("drift-gone", {
  schema: z.strictObject({ machine }),
  key: (data) => data.machine,
});

/** A kubelet asks for a serving certificate. */
export const servingRequested = defineEvent("serving-requested", {
  schema: z.strictObject({ machine, request: z.string(), uid: z.string() }),
  key: (data) => data.machine,
});
