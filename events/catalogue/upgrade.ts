import { z } from "zod";
import { defineEvent } from "../define-event.ts";

const machine = z.string().min(1);
const reason = z.string().optional();
const version = z.string().regex(/^v\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, "write it with v, such as v1.13.9");

/** Bring one machine to a version of Talos, with its own schematic. Absent: to what is declared of it. */
export const upgradeRequested = defineEvent("upgrade-requested", {
  origin: "operator",
  schema: z.strictObject({
    machine,
    version: version.optional(),
    /** Reboot through the firmware instead of by kexec: proves that it starts from cold. */
    cold: z.boolean().default(false),
    reason,
    confirm: z.string().optional(),
  }),
  key: (data) => data.machine,
});

/** Upgrade a pool, or every machine: one after the other, a canary of each hardware profile first. */
export const rolloutRequested = defineEvent("rollout-requested", {
  origin: "operator",
  schema: z.strictObject({ pool: z.string().min(1).optional(), version: version.optional(), reason }),
  key: (data) => data.pool ?? "cluster",
});

/** A machine started what ran before its upgrade: the new version did not come up. */
export const upgradeRolledBack = defineEvent("upgrade-rolled-back", {
  schema: z.strictObject({ machine, running: z.string(), wanted: z.string().optional(), bootId: z.string() }),
  key: (data) => data.machine,
});

/** Upgrade Kubernetes by one minor version or less. */
export const kubernetesUpgradeRequested = defineEvent("kubernetes-upgrade-requested", {
  origin: "operator",
  schema: z.strictObject({ version, reason }),
  key: () => "cluster",
});

/** Bring one part of Kubernetes on one machine to a version. */
export const componentUpgradeRequested = defineEvent("component-upgrade-requested", {
  schema: z.strictObject({
    machine,
    component: z.enum(["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet"]),
    version,
  }),
  key: (data) => data.machine,
});
