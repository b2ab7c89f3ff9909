import { z } from "zod";
import { defineEvent } from "../define-event.ts";

const machine = z.string().min(1);

/** A Node left Ready and its lease went stale (or another program says so). A hint: the function looks for itself. */
export const nodeLost = defineEvent("node-lost", {
  origin: "external",
  schema: z.strictObject({
    machine,
    incident: z.string().optional(),
    round: z.int().positive().optional(),
    reason: z.string().optional(),
    /** When it was seen to be gone. */
    openedAt: z.iso.datetime().optional(),
  }),
  key: (data) => data.machine,
});

/** A Node says of itself that it is not ready. Reported; nothing is powered for it. */
export const nodeSick = defineEvent("node-sick", {
  schema: z.strictObject({ machine, reason: z.string() }),
  key: (data) => data.machine,
});

/** A Node is Ready (again). */
export const nodeReady = defineEvent("node-ready", {
  schema: z.strictObject({ machine, bootID: z.string() }),
  key: (data) => data.machine,
});

/** A machine was lost before we ever saw it healthy: listed for people, not recovered. */
export const nodeLostBefore = defineEvent("node-lost-before", {
  schema: z.strictObject({ machine, reason: z.string() }),
  key: (data) => data.machine,
});

/** A person took the machine out of service for good. */
export const nodeRetired = defineEvent("node-retired", {
  origin: "operator",
  schema: z.strictObject({ machine }),
  key: (data) => data.machine,
});

/** The cluster's API can no longer be read, or can be read again. Says nothing about any node. */
export const clusterSeen = defineEvent("cluster-seen", {
  schema: z.strictObject({ reachable: z.boolean(), detail: z.string() }),
  key: () => "cluster",
});
