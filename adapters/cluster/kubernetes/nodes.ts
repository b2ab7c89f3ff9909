import { DeviceError } from "#events";
import type { Owner } from "../port.ts";
import type { KubeClient } from "./client.ts";
import { refusal } from "./failures.ts";
import { field, text } from "./json.ts";
import { CORDONED_BY, cordonOwner, FIELD_MANAGER, isUnschedulable } from "./view.ts";

/** A Node as the API gave it, with the mark that makes the next write refuse if anybody changed it since. */
export interface NodeRead {
  readonly node: unknown;
  readonly lock: { readonly uid: string; readonly resourceVersion: string };
}

/** What the operations on one Node need. */
export interface NodeAccess {
  readonly client: KubeClient;
  readonly site: string;
  readonly nodeOf: (machine: string) => string;
}

const nodePath = (name: string) => `/api/v1/nodes/${encodeURIComponent(name)}`;

/** Reads the Node fresh. `undefined` when there is none. */
export async function readNode(
  { client, nodeOf }: NodeAccess,
  machine: string,
  operation: string,
  signal?: AbortSignal,
): Promise<NodeRead | undefined> {
  const about = { target: machine, operation };
  const node = await client.call({ method: "GET", path: nodePath(nodeOf(machine)), ...about, signal }).catch((error: unknown) => {
    if (refusal(error)?.status === 404) return undefined;
    throw error;
  });
  if (node === undefined) return undefined;
  const uid = text(field(node, "metadata", "uid"));
  const resourceVersion = text(field(node, "metadata", "resourceVersion"));
  if (uid === undefined || resourceVersion === undefined) {
    throw new DeviceError("LO_CLUSTER_PROTOCOL", { ...about, effect: "none" }, "the Node has no uid or resourceVersion");
  }
  return { node, lock: { uid, resourceVersion } };
}

const CONFLICTS = 6;

/** `done` is the answer; with a `patch`, once it is written. */
interface Decision<T> {
  readonly done: T;
  readonly patch?: object;
  readonly gate?: () => void;
}

/**
 * Reads, decides, and writes only if nothing changed in between; decides anew when something did. `decide` answers with a
 * merge patch (RFC 7386), or without one when there is nothing to write. A Node that does not exist is an error.
 */
export async function changeNode<T>(
  access: NodeAccess,
  machine: string,
  operation: string,
  decide: (node: unknown) => Decision<T> | Promise<Decision<T>>,
  signal?: AbortSignal,
): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    const read = await readNode(access, machine, operation, signal);
    if (!read) throw noNode(access, machine, operation);
    const decision = await decide(read.node);
    if (!decision.patch) return decision.done;
    try {
      await access.client.call({
        method: "PATCH",
        path: `${nodePath(access.nodeOf(machine))}?fieldManager=${FIELD_MANAGER}`,
        target: machine,
        operation,
        body: withLock(decision.patch, read.lock),
        ...(decision.gate ? { gate: decision.gate } : {}),
        signal,
      });
      return decision.done;
    } catch (error) {
      if (refusal(error)?.status !== 409 || attempt >= CONFLICTS) throw error;
    }
  }
}

function withLock(patch: object, lock: NodeRead["lock"]): object {
  const metadata = field(patch, "metadata");
  return { ...patch, metadata: { ...(typeof metadata === "object" ? metadata : {}), ...lock } };
}

function noNode({ nodeOf }: NodeAccess, machine: string, operation: string): DeviceError {
  const about = { target: machine, operation, effect: "none" } as const;
  return new DeviceError("LO_CLUSTER_REFUSED", about, `the cluster has no Node ${nodeOf(machine)}`, {
    hint: "Check the machine's Node name in the inventory, or whether it ever joined",
  });
}

/** Cordons, unless somebody else has. The annotation and the cordon are one write. */
export function cordon(access: NodeAccess, machine: string, by: Owner, signal?: AbortSignal): Promise<"ours" | "theirs"> {
  const mark = `${access.site}/${by.run}`;
  return changeNode<"ours" | "theirs">(
    access,
    machine,
    "cordon",
    (node) => {
      if (isUnschedulable(node) && !isOurs(access.site, node, by)) return { done: "theirs" };
      if (cordonOwner(node) === mark) return { done: "ours" };
      const patch = { metadata: { annotations: { [CORDONED_BY]: mark } }, spec: { unschedulable: true } };
      return { patch, done: "ours", ...(by.gate ? { gate: by.gate } : {}) };
    },
    signal,
  );
}

/** Takes back what `cordon` did, and nothing else. */
export function uncordon(access: NodeAccess, machine: string, by: Owner, signal?: AbortSignal): Promise<"ours" | "theirs"> {
  return changeNode<"ours" | "theirs">(
    access,
    machine,
    "uncordon",
    (node) => {
      const cordoned = isUnschedulable(node);
      if (cordoned && !isOurs(access.site, node, by)) return { done: "theirs" };
      const mark = text(field(node, "metadata", "annotations", CORDONED_BY)) ?? "";
      if (!cordoned && !marks(access.site, by).includes(mark)) return { done: "ours" };
      return { patch: { metadata: { annotations: { [CORDONED_BY]: null } }, spec: { unschedulable: null } }, done: "ours" };
    },
    signal,
  );
}

function marks(site: string, by: Owner): string[] {
  return [by.run, ...by.inherited].map((run) => `${site}/${run}`);
}

function isOurs(site: string, node: unknown, by: Owner): boolean {
  return marks(site, by).includes(cordonOwner(node) ?? "");
}
