import { z } from "zod";
import { defineEvent } from "../define-event.ts";

const machine = z.string().min(1);
const reason = z.string().optional();

/** Make a cluster of machines that are off: install them, start etcd once, and bring everything to Ready. */
export const bootstrapRequested = defineEvent("bootstrap-requested", {
  origin: "operator",
  schema: z.strictObject({ reason }),
  key: () => "cluster",
});

/** Start etcd on its first member: once in a cluster's life, or again from a snapshot. */
export const etcdBootstrapRequested = defineEvent("etcd-bootstrap-requested", {
  schema: z.strictObject({ machine, snapshot: z.string().optional() }),
  key: (data) => data.machine,
});

/** Bring everything back after a blackout, in order. */
export const coldStartRequested = defineEvent("cold-start-requested", {
  origin: "operator",
  schema: z.strictObject({ reason }),
  key: () => "cluster",
});

/** Take and keep a snapshot of etcd. */
export const etcdSnapshotRequested = defineEvent("etcd-snapshot-requested", {
  origin: "external",
  schema: z.strictObject({ reason }),
  key: () => "cluster",
});

/** A snapshot is stored and verified. */
export const etcdSnapshotTaken = defineEvent("etcd-snapshot-taken", {
  schema: z.strictObject({ name: z.string(), from: machine, bytes: z.number(), sha256: z.string(), where: z.string() }),
  key: () => "cluster",
});

/** Begin etcd again from a snapshot, on control planes that carry no etcd data. */
export const etcdRestoreRequested = defineEvent("etcd-restore-requested", {
  origin: "operator",
  schema: z.strictObject({ machine, snapshot: z.string().min(1), reason }),
  key: () => "cluster",
});
