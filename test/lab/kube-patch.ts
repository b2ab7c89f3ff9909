/** The three patch formats of the Kubernetes API: merge (RFC 7386), JSON patch (RFC 6902) and strategic merge. */

export class PatchRefused extends Error {}

type Tree = Record<string, unknown>;
const isTree = (value: unknown): value is Tree => typeof value === "object" && value !== null && !Array.isArray(value);

/** The patched copy of `target`. Throws `PatchRefused` when a JSON patch test fails or a path does not exist. */
export function applyPatch(target: unknown, patch: unknown, contentType: string): unknown {
  const copy = structuredClone(target);
  if (contentType.startsWith("application/json-patch+json")) return jsonPatch(copy, patch);
  if (contentType.startsWith("application/merge-patch+json")) return merge(copy, patch, false);
  // One manager's wish over what is there: enough for a simulator in which nobody else owns fields.
  if (contentType.startsWith("application/apply-patch+yaml")) return merge(copy, patch, true);
  if (contentType.startsWith("application/strategic-merge-patch+json")) return merge(copy, patch, true);
  throw new PatchRefused(`the body of the request was in an unknown format: ${contentType}`);
}

/** Lists that strategic merge joins by a key instead of replacing them (struct tags `patchMergeKey` in k8s.io/api). */
const mergeKeys: Record<string, string> = { conditions: "type", addresses: "type", ownerReferences: "uid", containers: "name" };

function merge(target: unknown, patch: unknown, strategic: boolean): unknown {
  if (!isTree(patch)) return patch;
  const out: Tree = isTree(target) ? target : {};
  for (const [key, value] of Object.entries(patch)) {
    if (strategic && key.startsWith("$")) continue;
    const mergeKey = strategic ? mergeKeys[key] : undefined;
    if (value === null) delete out[key];
    else if (mergeKey && Array.isArray(value)) out[key] = mergeList(out[key], value, mergeKey);
    else out[key] = merge(out[key], value, strategic);
  }
  return out;
}

function mergeList(target: unknown, patch: unknown[], key: string): unknown[] {
  const out: unknown[] = Array.isArray(target) ? [...target] : [];
  for (const item of patch) {
    if (!isTree(item)) continue;
    const at = out.findIndex((one) => isTree(one) && one[key] === item[key]);
    if (item.$patch === "delete") out.splice(at, at < 0 ? 0 : 1);
    else if (at < 0) out.push(item);
    else out[at] = merge(out[at], item, true);
  }
  return out;
}

function jsonPatch(document: unknown, patch: unknown): unknown {
  if (!Array.isArray(patch)) throw new PatchRefused("a JSON patch is a list of operations");
  for (const operation of patch) {
    if (!isTree(operation) || typeof operation.path !== "string") throw new PatchRefused("an operation needs op and path");
    step(document, String(operation.op), operation.path, operation.value);
  }
  return document;
}

function step(document: unknown, op: string, path: string, value: unknown): void {
  const keys = path
    .split("/")
    .slice(1)
    .map((key) => key.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = keys.pop() ?? "";
  let parent = document;
  for (const key of keys) parent = Array.isArray(parent) ? parent[Number(key)] : isTree(parent) ? parent[key] : undefined;
  if (!isTree(parent) && !Array.isArray(parent)) throw new PatchRefused(`${op} ${path}: the path does not exist`);
  const found = Array.isArray(parent) ? parent[Number(last)] : parent[last];
  if (op === "test") {
    if (JSON.stringify(found ?? null) !== JSON.stringify(value ?? null)) throw new PatchRefused(`testing value ${path} failed`);
  } else if (op === "remove") {
    if (found === undefined) throw new PatchRefused(`remove ${path}: the path does not exist`);
    if (Array.isArray(parent)) parent.splice(Number(last), 1);
    else delete parent[last];
  } else if (op === "add" || op === "replace") {
    if (op === "replace" && found === undefined) throw new PatchRefused(`replace ${path}: the path does not exist`);
    if (!Array.isArray(parent)) parent[last] = value;
    else if (op === "replace") parent[Number(last)] = value;
    else parent.splice(last === "-" ? parent.length : Number(last), 0, value);
  } else throw new PatchRefused(`unknown operation ${op}`);
}
