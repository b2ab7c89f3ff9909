import { randomUUID } from "node:crypto";
import type { Clock } from "#events";
import type { KubeObject } from "./kube-objects.ts";

export interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly version: number;
  readonly resource: string;
  readonly object: KubeObject;
  /** What it was before, for watches with a selector. */
  readonly before: KubeObject | undefined;
}

/** The objects of the simulated API, one resource version for all of them, and the changes a watch can still resume from. */
export interface KubeStore {
  list(resource: string): KubeObject[];
  get(resource: string, name: string, namespace?: string): KubeObject | undefined;
  /** Adds or replaces; nothing happens when nothing would change. Stamps uid, creation time and resource version. */
  put(resource: string, object: KubeObject): KubeObject;
  remove(resource: string, name: string, namespace?: string): KubeObject | undefined;
  version(): number;
  /** Changes after `version`, or `undefined` when they are no longer kept (410). */
  since(version: number): Change[] | undefined;
  /** Everything in it, as a text. */
  dump(): string;
  /** Becomes what was dumped, or empty; whoever watches has to begin anew. */
  load(dump: string | undefined): void;
  /** Forgets the history: every earlier resource version is too old from now on. */
  compact(): void;
  onChange(listener: (change: Change) => void): () => void;
}

const KEPT = 5000;

export function createKubeStore(clock: Clock): KubeStore {
  const objects = new Map<string, Map<string, KubeObject>>();
  const listeners = new Set<(change: Change) => void>();
  let history: Change[] = [];
  let version = 1000;
  let oldest = version;

  const of = (resource: string) => {
    const found = objects.get(resource) ?? new Map<string, KubeObject>();
    objects.set(resource, found);
    return found;
  };
  const keyOf = (name: string, namespace?: string) => `${namespace ?? ""}/${name}`;
  const publish = (type: Change["type"], resource: string, object: KubeObject, before: KubeObject | undefined) => {
    const change: Change = { type, version, resource, object, before };
    history.push(change);
    if (history.length > KEPT) {
      history = history.slice(-KEPT / 2);
      oldest = (history[0]?.version ?? version) - 1;
    }
    for (const listener of [...listeners]) listener(change);
  };
  const stamped = (object: KubeObject): KubeObject => {
    version += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } };
  };

  const compact = () => {
    version += 1;
    history = [];
    oldest = version;
  };

  return {
    dump: () => JSON.stringify([...objects].map(([resource, all]) => [resource, [...all]])),
    load(dump) {
      objects.clear();
      const kept = dump === undefined || dump === "" ? [] : (JSON.parse(dump) as [string, [string, KubeObject][]][]);
      for (const [resource, all] of kept) objects.set(resource, new Map(all));
      compact();
    },
    list: (resource) => [...of(resource).values()],
    get: (resource, name, namespace) => of(resource).get(keyOf(name, namespace)),
    put(resource, object) {
      const key = keyOf(object.metadata.name, object.metadata.namespace);
      const before = of(resource).get(key);
      const metadata = {
        ...object.metadata,
        uid: before?.metadata.uid ?? object.metadata.uid ?? randomUUID(),
        creationTimestamp: before?.metadata.creationTimestamp ?? new Date(clock.now()).toISOString().replace(/\.\d+Z/, "Z"),
        ...(before?.metadata.resourceVersion ? { resourceVersion: before.metadata.resourceVersion } : {}),
      };
      const complete = { ...object, metadata };
      if (before && JSON.stringify(before) === JSON.stringify(complete)) return before;
      const after = stamped(complete);
      of(resource).set(key, after);
      publish(before ? "MODIFIED" : "ADDED", resource, after, before);
      return after;
    },
    remove(resource, name, namespace) {
      const before = of(resource).get(keyOf(name, namespace));
      if (!before) return undefined;
      of(resource).delete(keyOf(name, namespace));
      const last = stamped(before);
      publish("DELETED", resource, last, before);
      return last;
    },
    version: () => version,
    since: (from) => (from < oldest ? undefined : history.filter((change) => change.version > from)),
    compact,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
