import type { NodeView } from "../port.ts";
import { field, items, strings, text } from "./json.ts";

/** `<site>/<run>` of whoever of us cordoned the Node. */
export const CORDONED_BY = "lightsout.dev/cordoned-by";
/** Set by a person: hands off this machine, and why. */
const HOLD = "lightsout.dev/hold";
/** Set by a person: when the hold is over. Alone it holds too: whoever wrote it meant one. */
const HOLD_UNTIL = "lightsout.dev/hold-until";
/** The taint that makes Kubernetes force-detach a Node's volumes; GA since Kubernetes 1.28. */
export const OUT_OF_SERVICE = "node.kubernetes.io/out-of-service";
/** Under this name our writes appear in `managedFields`. */
export const FIELD_MANAGER = "lightsout";

const GPU_RESOURCES = ["nvidia.com/gpu", "amd.com/gpu", "gpu.intel.com/i915", "gpu.intel.com/xe"];

/** Makes a view of a Node and its lease as they came over the wire. `undefined` for what has no name; never throws. */
export function nodeView(node: unknown, lease: unknown, machineOf: (node: string) => string | undefined): NodeView | undefined {
  const name = text(field(node, "metadata", "name"));
  if (name === undefined || name === "") return undefined;
  const machine = machineOf(name);
  const annotations = strings(field(node, "metadata", "annotations"));
  const labels = strings(field(node, "metadata", "labels"));
  const info = (key: string) => text(field(node, "status", "nodeInfo", key)) ?? "";
  const condition = readyOf(node);
  const readyReason = text(field(condition, "reason"));
  const taints = items(field(node, "spec", "taints")).flatMap(taintText);
  const cordonedBy = cordonOwner(node);
  const leaseRenewed = text(field(lease, "spec", "renewTime"));
  const leaseSeconds = field(lease, "spec", "leaseDurationSeconds");
  return {
    name,
    ...(machine === undefined ? {} : { machine }),
    uid: text(field(node, "metadata", "uid")) ?? "",
    systemUUID: info("systemUUID").toLowerCase(),
    bootID: info("bootID"),
    osImage: info("osImage"),
    kubeletVersion: info("kubeletVersion"),
    ready: readiness(condition),
    ...(readyReason === undefined ? {} : { readyReason }),
    controlPlane: Object.hasOwn(labels, "node-role.kubernetes.io/control-plane"),
    unschedulable: isUnschedulable(node),
    ...(cordonedBy === undefined ? {} : { cordonedBy }),
    outOfService: items(field(node, "spec", "taints")).some((taint) => field(taint, "key") === OUT_OF_SERVICE),
    ...holdOf(annotations),
    taints,
    labels,
    gpus: { allocatable: gpus(field(node, "status", "allocatable")), capacity: gpus(field(node, "status", "capacity")) },
    ...(leaseRenewed === undefined ? {} : { leaseRenewed }),
    ...(typeof leaseSeconds === "number" && Number.isFinite(leaseSeconds) ? { leaseSeconds } : {}),
    addresses: items(field(node, "status", "addresses")).flatMap((one) => text(field(one, "address")) ?? []),
  };
}

function holdOf(annotations: Readonly<Record<string, string>>): Pick<NodeView, "hold"> {
  const [reason, until] = [HOLD, HOLD_UNTIL].map((key) => (Object.hasOwn(annotations, key) ? annotations[key] : undefined));
  if (reason === undefined && until === undefined) return {};
  return { hold: { reason: reason ?? "", ...(until === undefined ? {} : { until }) } };
}

/** Whether the condition Ready of a Node or a Pod is True. */
export const isReady = (object: unknown): boolean => field(readyOf(object), "status") === "True";

const readyOf = (object: unknown): unknown => items(field(object, "status", "conditions")).find((one) => field(one, "type") === "Ready");

export function isUnschedulable(node: unknown): boolean {
  return field(node, "spec", "unschedulable") === true;
}

/**
 * Who of us cordoned this Node, by our annotation; `undefined` when it is schedulable or the cordon is a person's. A person may
 * have uncordoned it and cordoned it again under our old annotation: then `managedFields` names somebody else for
 * `spec.unschedulable` (https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management).
 */
export function cordonOwner(node: unknown): string | undefined {
  const by = text(field(node, "metadata", "annotations", CORDONED_BY));
  if (!isUnschedulable(node) || by === undefined || by === "") return undefined;
  const managers = items(field(node, "metadata", "managedFields")).filter(
    (one) => field(one, "fieldsV1", "f:spec", "f:unschedulable") !== undefined,
  );
  return managers.length === 0 || managers.some((one) => field(one, "manager") === FIELD_MANAGER) ? by : undefined;
}

function readiness(condition: unknown): NodeView["ready"] {
  if (condition === undefined) return "missing";
  const status = field(condition, "status");
  return status === "True" ? "true" : status === "False" ? "false" : "unknown";
}

function taintText(taint: unknown): string[] {
  const key = text(field(taint, "key"));
  if (key === undefined) return [];
  const value = text(field(taint, "value"));
  return [`${key}${value ? `=${value}` : ""}:${text(field(taint, "effect")) ?? ""}`];
}

/** Whole devices over all vendors; extended resources are integers. */
function gpus(quantities: unknown): number {
  const counts = GPU_RESOURCES.map((resource) => {
    const quantity = field(quantities, resource);
    return typeof quantity === "string" || typeof quantity === "number" ? Number(quantity) : 0;
  });
  return counts.reduce((sum, count) => sum + (Number.isSafeInteger(count) && count > 0 ? count : 0), 0);
}
