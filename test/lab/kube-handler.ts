import type { IncomingMessage, ServerResponse } from "node:http";
import { evict } from "./kube-evict.ts";
import type { KubeNodes } from "./kube-nodes.ts";
import type { KubeObject, ManagedField, SimNode, SimPod } from "./kube-objects.ts";
import { applyPatch, PatchRefused } from "./kube-patch.ts";
import type { KubePods } from "./kube-pods.ts";
import { discovery, type Route, resources, route, status } from "./kube-resources.ts";
import { createSelector } from "./kube-selectors.ts";
import type { KubeStore } from "./kube-store.ts";
import type { KubeWatches } from "./kube-watch.ts";

export interface KubeRequest {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly body: string;
}

interface World {
  readonly store: KubeStore;
  readonly watches: KubeWatches;
  readonly pods: KubePods;
  readonly nodes: KubeNodes;
  readonly token: string;
  readonly seen: (request: KubeRequest) => void;
  /** Answers a request instead of the API; for errors a test wants once. */
  /** Whether the account may; see `KubeApi.deny`. */
  readonly denied: (verb: string, resource: string) => boolean;
  readonly intercept: (request: KubeRequest) => { code: number; body: unknown; headers?: Record<string, string> } | undefined;
}

interface Answer {
  readonly code: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

/** Answers one request of the subset: list, watch, get, create, the three patches, delete, evict. */
export function createKubeHandler(world: World): (request: IncomingMessage, response: ServerResponse, body: string) => void {
  return (request, response, body) => {
    const url = new URL(request.url ?? "/", "https://kube");
    const { searchParams: query, pathname } = url;
    const seen: KubeRequest = { method: request.method ?? "GET", path: `${pathname}${url.search}`, body };
    world.seen(seen);
    const where = route(pathname);
    let answer: Answer;
    if (request.headers.authorization !== `Bearer ${world.token}`) answer = refusal(401, "Unauthorized", "Unauthorized");
    else {
      const instead = world.intercept(seen) ?? forbidden(world, seen, where, query);
      if (!instead && where && !where.name && /^(true|1)$/.test(query.get("watch") ?? "")) {
        world.watches.open(where.resource, where.namespace, query, response);
        return;
      }
      answer =
        instead ??
        (where
          ? onResource(world, where, seen, request)
          : pathname === reviews
            ? onReview(world, seen)
            : onDocument(seen.method, pathname));
    }
    response.writeHead(answer.code, { "content-type": "application/json", ...answer.headers }).end(JSON.stringify(answer.body));
  };
}

const reviews = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
const verbs: Readonly<Record<string, string>> = { GET: "get", POST: "create", PUT: "update", PATCH: "patch", DELETE: "delete" };

/** 403, where the account of the token may not do this. */
function forbidden(world: World, { method }: KubeRequest, where: Route | undefined, query: URLSearchParams): Answer | undefined {
  if (!where) return undefined;
  const watches = !where.name && /^(true|1)$/.test(query.get("watch") ?? "");
  const verb = method === "GET" && !where.name ? (watches ? "watch" : "list") : (verbs[method] ?? method);
  const resource = where.sub === undefined ? where.resource : `${where.resource}/${where.sub}`;
  if (!world.denied(verb, resource)) return undefined;
  return refusal(403, "Forbidden", `${where.resource} is forbidden: User "lab" cannot ${verb} resource "${resource}"`);
}

/** What the account may, as the API server answers whoever asks about itself. */
function onReview(world: World, { body }: KubeRequest): Answer {
  const review = parse(body) as { spec?: { resourceAttributes?: { verb?: string; resource?: string; subresource?: string } } } | undefined;
  const asked = review?.spec?.resourceAttributes;
  if (!asked?.verb || !asked.resource) return refusal(422, "Invalid", "spec.resourceAttributes: Required value");
  const allowed = !world.denied(asked.verb, asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource);
  return { code: 201, body: { ...review, metadata: { creationTimestamp: null }, status: { allowed } } };
}

function refusal(code: number, reason: string, message: string, details?: Record<string, unknown>): Answer {
  return { code, body: status(code, reason, message, details) };
}

function onDocument(method: string, pathname: string): Answer {
  const document = method === "GET" ? discovery(pathname) : undefined;
  return document ? { code: 200, body: document } : refusal(404, "NotFound", "the server could not find the requested resource");
}

function onResource(world: World, where: Route, { method, path, body }: KubeRequest, request: IncomingMessage): Answer {
  const { store } = world;
  const query = new URL(path, "https://kube").searchParams;
  // kubectl writes some kinds in protobuf, which nobody here reads.
  if (["POST", "PUT"].includes(method) && typeof parse(body) !== "object") {
    return refusal(415, "UnsupportedMediaType", `the body of the request was in an unknown format: ${request.headers["content-type"]}`);
  }
  if (!where.name) {
    if (method === "GET") return { code: 200, body: list(store, where, query) };
    if (method === "POST") return { code: 201, body: create(store, where, body) };
    return refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
  }
  const found = store.get(where.resource, where.name, where.namespace);
  const applies = method === "PATCH" && request.headers["content-type"]?.startsWith("application/apply-patch+yaml");
  if (!found && applies) return { code: 201, body: create(store, where, body) };
  if (!found) {
    return refusal(404, "NotFound", `${where.resource} "${where.name}" not found`, { name: where.name, kind: where.resource });
  }
  if (method === "GET") return { code: 200, body: found };
  if (method === "PATCH") {
    const manager = query.get("fieldManager") ?? request.headers["user-agent"]?.split("/")[0] ?? "unknown";
    const answer = patch(found, body, request.headers["content-type"] ?? "", manager);
    return answer.code === 200 ? { code: 200, body: store.put(where.resource, answer.body as KubeObject) } : answer;
  }
  if (method === "PUT") return replace(store, where, found, body);
  if (method === "DELETE" && where.resource === "pods") {
    const grace = (parse(body) as { gracePeriodSeconds?: number } | undefined)?.gracePeriodSeconds;
    return { code: 200, body: world.pods.terminate(found as SimPod, grace) };
  }
  if (method === "DELETE") return { code: 200, body: store.remove(where.resource, found.metadata.name, found.metadata.namespace) };
  if (method === "POST" && where.sub === "eviction") return evict(world, found as SimPod, parse(body));
  return refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource");
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function list(store: KubeStore, { resource, namespace }: Route, query: URLSearchParams): unknown {
  const { kind, group, version } = resources[resource] ?? { kind: "", group: "", version: "v1" };
  const selects = createSelector(query);
  const items = store.list(resource).filter((one) => (namespace === undefined || one.metadata.namespace === namespace) && selects(one));
  const apiVersion = group === "" ? version : `${group}/${version}`;
  return { kind: `${kind}List`, apiVersion, metadata: { resourceVersion: String(store.version()) }, items };
}

function create(store: KubeStore, { resource, namespace }: Route, body: string): unknown {
  const object = parse(body) as KubeObject;
  const { generateName } = object.metadata as { generateName?: string };
  const name = object.metadata.name ?? `${generateName ?? "x-"}${store.version().toString(36)}`;
  return store.put(resource, { ...object, metadata: { ...object.metadata, name, ...(namespace ? { namespace } : {}) } });
}

/** The whole object, or its approval alone; whoever read an older version is refused. */
function replace(store: KubeStore, { resource, sub }: Route, found: KubeObject, body: string): Answer {
  const object = parse(body) as KubeObject & { status?: unknown };
  if (object.metadata.resourceVersion !== undefined && object.metadata.resourceVersion !== found.metadata.resourceVersion) {
    const about = `Operation cannot be fulfilled on ${resource} "${found.metadata.name}"`;
    return {
      code: 409,
      body: status(409, "Conflict", `${about}: the object has been modified; please apply your changes to the latest version`),
    };
  }
  if (sub !== undefined && sub !== "approval" && sub !== "status") return refusal(404, "NotFound", `there is no ${sub} of ${resource}`);
  const next = sub === undefined ? object : { ...found, status: object.status };
  return {
    code: 200,
    body: store.put(resource, { ...next, metadata: { ...next.metadata, ...(found.metadata.uid ? { uid: found.metadata.uid } : {}) } }),
  };
}

function patch(found: KubeObject, body: string, contentType: string, manager: string): Answer {
  try {
    const patched = applyPatch(found, parse(body), contentType) as KubeObject;
    const about = `Operation cannot be fulfilled on ${found.kind.toLowerCase()}s "${found.metadata.name}"`;
    if (patched.metadata.resourceVersion !== found.metadata.resourceVersion) {
      return {
        code: 409,
        body: status(409, "Conflict", `${about}: the object has been modified; please apply your changes to the latest version`),
      };
    }
    if (patched.metadata.uid !== found.metadata.uid) {
      return { code: 409, body: status(409, "Conflict", `${about}: Precondition failed: UID in precondition`) };
    }
    return { code: 200, body: found.kind === "Node" ? withManager(found as SimNode, patched as SimNode, manager) : patched };
  } catch (error) {
    if (!(error instanceof PatchRefused)) throw error;
    return { code: 422, body: status(422, "Invalid", `the server rejected our request due to an error in our request: ${error.message}`) };
  }
}

/** Keeps `managedFields` for `spec.unschedulable`, the one field whose owner tells a person's cordon from ours. */
export function withManager(before: SimNode, after: SimNode, manager: string): SimNode {
  if (before.spec.unschedulable === after.spec.unschedulable) return after;
  const managedFields = (before.metadata.managedFields ?? []).filter((one) => !("f:spec" in one.fieldsV1));
  const entry: ManagedField = {
    manager,
    operation: "Update",
    apiVersion: "v1",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:spec": { "f:unschedulable": {} } },
  };
  return { ...after, metadata: { ...after.metadata, managedFields: after.spec.unschedulable ? [...managedFields, entry] : managedFields } };
}
