import { field, items, strings, text } from "./json.ts";

/** Whether a node would take a pod, by the pod's node selector and required node affinity and the node's taints. */
export function admits(node: unknown, pod: unknown): boolean {
  const labels = strings(field(node, "metadata", "labels"));
  const selector = Object.entries(strings(field(pod, "spec", "nodeSelector")));
  const required = field(pod, "spec", "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution");
  return (
    selector.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value) &&
    (required === undefined || items(field(required, "nodeSelectorTerms")).some((term) => meets(node, labels, term))) &&
    items(field(node, "spec", "taints")).every((taint) => field(taint, "effect") === "PreferNoSchedule" || tolerated(pod, taint))
  );
}

/** A term without a condition meets nothing (https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/node-selector-requirement/). */
function meets(node: unknown, labels: Readonly<Record<string, string>>, term: unknown): boolean {
  const [expressions, byField] = [items(field(term, "matchExpressions")), items(field(term, "matchFields"))];
  const name = { "metadata.name": text(field(node, "metadata", "name")) ?? "" };
  return (
    expressions.length + byField.length > 0 &&
    expressions.every((one) => matches(labels, one)) &&
    byField.every((one) => matches(name, one))
  );
}

function matches(labels: Readonly<Record<string, string>>, expression: unknown): boolean {
  const key = text(field(expression, "key")) ?? "";
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  const values = items(field(expression, "values"));
  switch (field(expression, "operator")) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return value !== undefined && Number(value) > Number(values[0]);
    case "Lt":
      return value !== undefined && Number(value) < Number(values[0]);
    default:
      return false;
  }
}

const tolerated = (pod: unknown, taint: unknown): boolean =>
  items(field(pod, "spec", "tolerations")).some((one) => {
    const effect = text(field(one, "effect")) ?? "";
    const key = text(field(one, "key")) ?? "";
    const exists = field(one, "operator") === "Exists";
    if (effect !== "" && effect !== field(taint, "effect")) return false;
    if (key === "") return exists;
    return key === field(taint, "key") && (exists || (text(field(one, "value")) ?? "") === (text(field(taint, "value")) ?? ""));
  });
