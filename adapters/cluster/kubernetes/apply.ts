import { parseAllDocuments } from "yaml";
import { LightsoutError } from "#events";
import type { KubeClient } from "./client.ts";
import { field, items, text } from "./json.ts";
import { FIELD_MANAGER } from "./view.ts";

interface Manifest {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace: string | undefined;
  readonly object: object;
}

/** What others need comes first; everything else keeps its order. */
const first = ["Namespace", "CustomResourceDefinition"];

/**
 * Applies manifests, server-side (https://kubernetes.io/docs/reference/using-api/server-side-apply/): repeatable, and what others own of an
 * object is taken over, since a new cluster has no other owners. Throws `LO_MANIFEST` before anything is sent for what is no manifest.
 */
export async function applyManifests(client: KubeClient, manifests: string, signal?: AbortSignal): Promise<readonly string[]> {
  const parsed = parseManifests(manifests);
  const rank = ({ kind }: Manifest) => (first.includes(kind) ? first.indexOf(kind) : first.length);
  const paths = new Map<string, Promise<Resources>>();
  const applied: string[] = [];
  for (const manifest of parsed.toSorted((a, b) => rank(a) - rank(b))) {
    const { apiVersion, kind, name, namespace, object } = manifest;
    const what = `${kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
    // A definition that was just applied adds kinds: what was not known a moment ago is asked for again.
    let known = await (paths.get(apiVersion) ?? discover(client, apiVersion, paths, signal));
    if (!known.has(kind)) known = await discover(client, apiVersion, paths, signal);
    const resource = known.get(kind);
    if (!resource) throw refused(`${what}: the cluster knows no ${kind} of ${apiVersion}`, "Apply its CustomResourceDefinition first");
    const base = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
    const place = resource.namespaced ? `/namespaces/${encodeURIComponent(namespace ?? "default")}` : "";
    const path = `${base}${place}/${resource.plural}/${encodeURIComponent(name)}?fieldManager=${FIELD_MANAGER}&force=true`;
    await client.call({ method: "PATCH", patch: "apply", path, target: what, operation: "apply", body: object, signal });
    applied.push(what);
  }
  return applied;
}

type Resources = ReadonlyMap<string, { readonly plural: string; readonly namespaced: boolean }>;

function discover(
  client: KubeClient,
  apiVersion: string,
  paths: Map<string, Promise<Resources>>,
  signal: AbortSignal | undefined,
): Promise<Resources> {
  const path = apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  const asked = client.call({ method: "GET", path, target: apiVersion, operation: "discover", signal }).then(
    (list) =>
      new Map(
        items(field(list, "resources")).flatMap((one) => {
          const plural = text(field(one, "name")) ?? "";
          const kind = text(field(one, "kind"));
          return kind === undefined || plural === "" || plural.includes("/")
            ? []
            : [[kind, { plural, namespaced: field(one, "namespaced") === true }] as const];
        }),
      ),
  );
  paths.set(apiVersion, asked);
  return asked;
}

function parseManifests(text: string): Manifest[] {
  const documents = parseAllDocuments(text);
  return (Array.isArray(documents) ? documents : []).flatMap((document, index) => {
    const [error] = document.errors;
    if (error) throw refused(`document ${index + 1} of the manifests is no YAML: ${error.message.split("\n")[0]}`, "Correct it");
    const object: unknown = document.toJS();
    if (object === null || object === undefined) return [];
    return (field(object, "kind") === "List" ? items(field(object, "items")) : [object]).map((one) => manifestOf(one, index));
  });
}

function manifestOf(object: unknown, index: number): Manifest {
  const apiVersion = text(field(object, "apiVersion"));
  const kind = text(field(object, "kind"));
  const name = text(field(object, "metadata", "name"));
  if (apiVersion === undefined || kind === undefined || name === undefined || typeof object !== "object" || object === null) {
    throw refused(`document ${index + 1} of the manifests has no apiVersion, kind or metadata.name`, "Apply plain Kubernetes objects");
  }
  return { apiVersion, kind, name, namespace: text(field(object, "metadata", "namespace")), object };
}

const refused = (what: string, hint: string) => new LightsoutError("LO_MANIFEST", `The manifests cannot be applied: ${what}`, { hint });
