import type { KubeObject } from "./kube-objects.ts";

/** Whether an object matches the `fieldSelector` and `labelSelector` of a request. */
export function createSelector(query: URLSearchParams): (object: KubeObject) => boolean {
  const fields = (query.get("fieldSelector") ?? "").split(",").filter(Boolean);
  const labels = (query.get("labelSelector") ?? "").split(/,(?![^(]*\))/).filter(Boolean);
  return (object) => fields.every((one) => field(object, one)) && labels.every((one) => label(object.metadata.labels ?? {}, one));
}

function field(object: KubeObject, term: string): boolean {
  const [path = "", value = ""] = term.split(/!?==?/);
  let found: unknown = object;
  for (const key of path.split(".")) found = (found as Record<string, unknown> | undefined)?.[key];
  return (String(found ?? "") === value) !== term.includes("!=");
}

function label(labels: Record<string, string>, term: string): boolean {
  const inList = /^(\S+) (notin|in) \((.*)\)$/.exec(term.trim());
  if (inList) return (inList[3] ?? "").split(",").some((one) => one.trim() === labels[inList[1] ?? ""]) === (inList[2] === "in");
  if (term.startsWith("!")) return !(term.slice(1) in labels);
  const [key = "", value] = term.split(/!?==?/);
  return value === undefined ? key in labels : (labels[key] === value) !== term.includes("!=");
}
