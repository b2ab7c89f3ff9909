import { parseAllDocuments } from "yaml";
import { type Clock, LightsoutError } from "#events";
import type { KubeClient } from "./client.ts";
import { refusal } from "./failures.ts";
import { field, items, text } from "./json.ts";
import { FIELD_MANAGER } from "./view.ts";

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly object: object;
}

interface Resource {
  readonly plural: string;
  readonly namespaced: boolean;
}

/** What others need comes first; everything else keeps its order. */
const first = ["Namespace", "CustomResourceDefinition"];
/** The API serves a kind a moment after its definition was applied: looked for this often, a second apart. */
const looks = 30;

/**
 * Applies manifests, server-side (https://kubernetes.io/docs/reference/using-api/server-side-apply/): repeatable, and what others own of an
 * object is taken over, since a new cluster has no other owners. Throws `LO_MANIFEST` for what is no manifest, before anything is sent, and
 * for a kind that the cluster does not know; what the API refuses names the object.
 */
export async function applyManifests(
  client: KubeClient,
  clock: Clock,
  manifests: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const parsed = parseManifests(manifests);
  const rank = ({ kind }: Manifest) => (first.includes(kind) ? first.indexOf(kind) : first.length);
  const known = new Map<string, ReadonlyMap<string, Resource>>();
  const applied: string[] = [];

  const resourceOf = async (manifest: Manifest): Promise<Resource | undefined> => {
    const { apiVersion, kind } = manifest;
    const found = known.get(apiVersion)?.get(kind);
    if (found) return found;
    for (let left = parsed.some((one) => defines(one, manifest)) ? looks : 1; ; left -= 1) {
      const resources = await discover(client, apiVersion, signal);
      known.set(apiVersion, resources);
      const resource = resources.get(kind);
      if (resource || left <= 1) return resource;
      await clock.sleep(1000, signal);
    }
  };

  for (const manifest of parsed.toSorted((a, b) => rank(a) - rank(b))) {
    const { apiVersion, kind, name, object } = manifest;
    const resource = await resourceOf(manifest);
    if (!resource) throw refused(`the cluster knows no ${kind} of ${apiVersion} (${name})`, "Apply its CustomResourceDefinition first");
    const namespace = resource.namespaced ? (manifest.namespace ?? "default") : undefined;
    const what = `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
    const place = namespace === undefined ? "" : `/namespaces/${encodeURIComponent(namespace)}`;
    const path = `${baseOf(apiVersion)}${place}/${resource.plural}/${encodeURIComponent(name)}?fieldManager=${FIELD_MANAGER}&force=true`;
    await client.call({ method: "PATCH", patch: "apply", path, target: what, operation: "apply", body: object, signal });
    applied.push(what);
  }
  return applied;
}

const baseOf = (apiVersion: string) => (apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`);

/** Whether a manifest is the definition of another's kind. */
const defines = ({ kind, object }: Manifest, other: Manifest): boolean =>
  kind === "CustomResourceDefinition" &&
  field(object, "spec", "names", "kind") === other.kind &&
  field(object, "spec", "group") === other.apiVersion.split("/")[0];

/** The kinds of a group and version, none where the cluster does not have it; subresources are left out. */
async function discover(client: KubeClient, apiVersion: string, signal: AbortSignal | undefined): Promise<ReadonlyMap<string, Resource>> {
  const call = { method: "GET", path: baseOf(apiVersion), target: apiVersion, operation: "discover", signal } as const;
  const list = await client.call(call).catch((error: unknown) => {
    if (refusal(error)?.status === 404) return undefined;
    throw error;
  });
  const found = items(field(list, "resources")).flatMap((one): [string, Resource][] => {
    const [plural, kind] = [text(field(one, "name")) ?? "", text(field(one, "kind"))];
    return kind === undefined || plural === "" || plural.includes("/")
      ? []
      : [[kind, { plural, namespaced: field(one, "namespaced") === true }]];
  });
  return new Map(found);
}

function parseManifests(manifests: string): Manifest[] {
  const documents = parseAllDocuments(manifests);
  return (Array.isArray(documents) ? documents : []).flatMap((document, index) => {
    const broken = (message: string) => refused(`document ${index + 1} is no YAML: ${message.split("\n")[0]}`, "Correct it");
    const [error] = document.errors;
    if (error) throw broken(error.message);
    let object: unknown;
    try {
      object = document.toJS();
    } catch (cause) {
      // An alias without its anchor, or one that multiplies.
      throw broken(cause instanceof Error ? cause.message : String(cause));
    }
    if (object === null || object === undefined) return [];
    return (field(object, "kind") === "List" ? items(field(object, "items")) : [object]).map((one) => manifestOf(one, index));
  });
}

function manifestOf(object: unknown, index: number): Manifest {
  const apiVersion = text(field(object, "apiVersion"));
  const kind = text(field(object, "kind"));
  const name = text(field(object, "metadata", "name"));
  if (!apiVersion || !kind || !name || typeof object !== "object" || object === null) {
    throw refused(`document ${index + 1} has no apiVersion, kind or metadata.name`, "Apply plain Kubernetes objects");
  }
  return { apiVersion, kind, name, namespace: text(field(object, "metadata", "namespace")) || undefined, object };
}

const refused = (what: string, hint: string) => new LightsoutError("LO_MANIFEST", `The manifests cannot be applied: ${what}`, { hint });
