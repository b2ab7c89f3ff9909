import { isDeepStrictEqual } from "node:util";
import { LightsoutError } from "#events";
import { type Document, identityOf, isMap } from "./documents.ts";

/**
 * Lists whose items are matched by what identifies them and then merged, and those that a patch replaces. All others grow at their end, so
 * that a patch applied twice is not the same as once. Talos: pkg/machinery/config/types (the `Merge` methods and `merge:"replace"` tags).
 */
const matched: Readonly<Record<string, (item: unknown) => unknown>> = {
  "v1alpha1 machine.network.interfaces": (item) => field(item, "interface") ?? field(item, "deviceSelector"),
  "v1alpha1 machine.network.interfaces.vlans": (item) => field(item, "vlanId"),
  "v1alpha1 cluster.apiServer.admissionControl": (item) => field(item, "name"),
  "ExtensionServiceConfig configFiles": (item) => field(item, "mountPath"),
};
const replaced: ReadonlySet<string> = new Set([
  "v1alpha1 cluster.network.podSubnets",
  "v1alpha1 cluster.network.serviceSubnets",
  "v1alpha1 cluster.apiServer.auditPolicy",
]);

/**
 * The documents with a patch merged in, as `talosctl machineconfig patch` does it: documents are matched by kind and name, maps merge, lists
 * append (but for a few), scalars replace unless they are empty or 0, `false` always counts, and `$patch: delete` removes what it stands
 * in. Nothing given is changed. Throws `LO_CONFIG_PATCH`.
 */
export function patchDocuments(base: readonly Document[], patch: readonly Document[]): Document[] {
  const touched = new Set<string>();
  return patch.reduce<Document[]>(
    (documents, change) => {
      const id = identityOf(change);
      if (touched.has(id)) throw refused(`${id} stands in one patch twice`);
      touched.add(id);
      return applyOne(documents, id, change);
    },
    [...base],
  );
}

function applyOne(documents: Document[], id: string, change: Document): Document[] {
  if (change.$patch !== undefined) {
    if (change.$patch !== "delete") throw refused(`${id}: $patch can only be delete`);
    if (id === "v1alpha1") throw refused("the v1alpha1 document cannot be deleted");
    return documents.filter((document) => identityOf(document) !== id);
  }
  const { rest, deletions } = withoutDeletions(change, []);
  const left = documents.find((document) => identityOf(document) === id);
  const cut = deletions.reduce((document, deletion) => (document && remove(document, deletion.path, deletion.item)) as Document, left);
  const content = isMap(rest) ? rest : {};
  const names = new Set(["apiVersion", "kind", "name", "version"]);
  const says = Object.keys(content).some((key) => !names.has(key));
  if (!cut) return says || deletions.length === 0 ? [...documents, content] : documents;
  const kind = String(change.kind ?? "v1alpha1");
  const merged = merge(cut, content, kind, []) as Document;
  return documents.map((document) => (document === left ? merged : document));
}

interface Deletion {
  readonly path: readonly string[];
  /** In a list: what the item to remove has. */
  readonly item?: readonly [key: string, value: unknown];
}

/** A patch split into what it deletes and what it sets. Parts that only delete set nothing. */
function withoutDeletions(value: unknown, path: readonly string[]): { rest: unknown; deletions: Deletion[] } {
  if (Array.isArray(value)) {
    const deletions: Deletion[] = [];
    const rest = value.filter((item) => {
      if (!isMap(item) || item.$patch === undefined) return true;
      const key = Object.entries(item).find(([name]) => name !== "$patch");
      if (item.$patch !== "delete" || !key) throw refused(`${path.join(".")}: a deleted list item needs a key that identifies it`);
      deletions.push({ path, item: key });
      return false;
    });
    return { rest: rest.length === 0 && deletions.length > 0 ? undefined : rest, deletions };
  }
  if (!isMap(value)) return { rest: value, deletions: [] };
  const deletions: Deletion[] = [];
  const entries: [string, unknown][] = [];
  for (const [key, item] of Object.entries(value)) {
    if (isMap(item) && item.$patch === "delete") {
      deletions.push({ path: [...path, key] });
      continue;
    }
    const inner = withoutDeletions(item, [...path, key]);
    deletions.push(...inner.deletions);
    if (inner.rest !== undefined) entries.push([key, inner.rest]);
  }
  if (entries.length === 0 && deletions.length > 0) return { rest: undefined, deletions };
  return { rest: Object.fromEntries(entries), deletions };
}

/** The value without what stands at `path`; what is not there needs no removing. */
function remove(value: unknown, path: readonly string[], item: Deletion["item"]): unknown {
  const [key, ...rest] = path;
  if (key === undefined) {
    if (!item || !Array.isArray(value)) return value;
    const gone = value.findIndex((one) => isMap(one) && String(one[item[0]]) === String(item[1]));
    return value.filter((_, index) => index !== gone);
  }
  if (!isMap(value) || !Object.hasOwn(value, key)) return value;
  if (rest.length === 0 && !item) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  return { ...value, [key]: remove(value[key], rest, item) };
}

function merge(left: unknown, right: unknown, kind: string, path: readonly string[]): unknown {
  if (right === undefined || right === null) return left;
  if (left === undefined || left === null) return right;
  const where = `${kind} ${path.join(".")}`;
  if (replaced.has(where)) return right;
  if (Array.isArray(left) !== Array.isArray(right) || isMap(left) !== isMap(right)) {
    throw refused(`${where}: a ${shapeOf(right)} cannot be merged into a ${shapeOf(left)}`);
  }
  if (Array.isArray(left) && Array.isArray(right)) return mergeLists(left, right, kind, path);
  if (isMap(left) && isMap(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return Object.fromEntries([...keys].map((key) => [key, merge(own(left, key), own(right, key), kind, [...path, key])]));
  }
  return right === "" || right === 0 ? left : right;
}

function mergeLists(left: readonly unknown[], right: readonly unknown[], kind: string, path: readonly string[]): unknown[] {
  const idOf = matched[`${kind} ${path.join(".")}`];
  if (!idOf) return [...left, ...right];
  const out = [...left];
  for (const item of right) {
    const id = idOf(item);
    const index = id === undefined ? -1 : out.findIndex((one) => isDeepStrictEqual(idOf(one), id));
    if (index < 0) out.push(item);
    else out[index] = merge(out[index], item, kind, path);
  }
  return out;
}

const own = (map: Readonly<Record<string, unknown>>, key: string) => (Object.hasOwn(map, key) ? map[key] : undefined);
const field = (item: unknown, key: string) => (isMap(item) ? own(item, key) : undefined);
const shapeOf = (value: unknown) => (Array.isArray(value) ? "list" : isMap(value) ? "map" : "value");

const refused = (what: string) =>
  new LightsoutError("LO_CONFIG_PATCH", `The machine configuration cannot be patched: ${what}`, { hint: "Correct the patch" });
