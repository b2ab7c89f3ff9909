import { isDeepStrictEqual } from "node:util";
import { type Document, identityOf, isMap, parseDocuments } from "./documents.ts";
import { hidden, isHiddenKey, isHiddenKind, withoutSecrets } from "./hide.ts";

/** One place where the running configuration is not the declared one. */
export interface ConfigDifference {
  /** The document: `v1alpha1`, `HostnameConfig`. */
  readonly document: string;
  /** Keys that lead there; empty for a whole document. */
  readonly path: string;
  readonly is: "missing" | "unwanted" | "different";
  /** As text; `(hidden)` where it is a secret or may hold one. Absent where there is nothing. */
  readonly declared?: string;
  readonly running?: string;
}

/** What tells items of a list apart, the first that an item has. */
const names = ["name", "interface", "deviceSelector", "mountPath", "vlanId", "hostname", "ip", "path"] as const;

/**
 * Where `running` is not as `declared`; empty when they say the same. Order of keys and of documents does not count, nor does the order of
 * list items that have a name; a key that is empty or null counts as absent, as Talos drops it. Shows no secret. Throws
 * `LO_MACHINE_CONFIG` for a text that cannot be read.
 */
export function diffConfig(declared: string | readonly Document[], running: string | readonly Document[]): ConfigDifference[] {
  const [left, right] = [read(declared, "the declared configuration"), read(running, "the running configuration")];
  const ids = new Set([...left.keys(), ...right.keys()]);
  return [...ids].flatMap((id) =>
    compare(left.get(id), right.get(id), { document: id, keys: [], secret: isHiddenKind(id.split("/")[0] ?? "") }),
  );
}

const read = (config: string | readonly Document[], name: string) =>
  new Map(
    (typeof config === "string" ? parseDocuments(config, name) : config).map((document) => [identityOf(document), document] as const),
  );

interface Place {
  readonly document: string;
  readonly keys: readonly string[];
  readonly secret: boolean;
}

function compare(left: unknown, right: unknown, place: Place): ConfigDifference[] {
  if (isEmpty(left) && isEmpty(right)) return [];
  if (isMap(left) && isMap(right)) {
    const keys = new Set([...Object.keys(left), ...Object.keys(right)]);
    return [...keys].flatMap((key) => compare(own(left, key), own(right, key), under(place, key, isHiddenKey(key))));
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    const [mine, theirs] = [keyed(left), keyed(right)];
    if (mine && theirs) {
      const keys = new Set([...mine.keys(), ...theirs.keys()]);
      return [...keys].flatMap((key) => compare(mine.get(key), theirs.get(key), under(place, `[${key}]`)));
    }
  }
  return isDeepStrictEqual(plain(left), plain(right)) ? [] : [difference(left, right, place)];
}

function difference(left: unknown, right: unknown, { document, keys, secret }: Place): ConfigDifference {
  const is = isEmpty(right) ? "missing" : isEmpty(left) ? "unwanted" : "different";
  return {
    document,
    path: keys.join(".").replaceAll(".[", "["),
    is,
    ...(!isEmpty(left) && { declared: text(left, secret) }),
    ...(!isEmpty(right) && { running: text(right, secret) }),
  };
}

const under = ({ document, keys, secret }: Place, key: string, isSecret = false): Place => ({
  document,
  keys: [...keys, key],
  secret: secret || isSecret,
});

/** A list's items by their names; `undefined` where one has none or two share one. */
function keyed(list: readonly unknown[]): ReadonlyMap<string, unknown> | undefined {
  const found = new Map<string, unknown>();
  for (const item of list) {
    const name = isMap(item) ? names.find((key) => own(item, key) !== undefined) : undefined;
    const key = name === undefined || !isMap(item) ? undefined : `${name}=${JSON.stringify(item[name])}`;
    if (key === undefined || found.has(key)) return undefined;
    found.set(key, item);
  }
  return found;
}

/** Shown without what is secret inside it. */
const text = (value: unknown, secret: boolean): string => (secret ? hidden : (JSON.stringify(withoutSecrets(value)) ?? ""));

/** Without what is empty, so that a key given as null equals an absent one. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .flatMap(([key, item]) => (isEmpty(item) ? [] : [[key, plain(item)]]))
      .sort(),
  );
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "") return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMap(value) && Object.values(value).every(isEmpty);
}

const own = (map: Readonly<Record<string, unknown>>, key: string) => (Object.hasOwn(map, key) ? map[key] : undefined);
