import { parseAllDocuments, type ScalarTag, stringify } from "yaml";
import { LightsoutError } from "#events";

/** One document of a machine configuration. The one without a `kind` is the v1alpha1 configuration. */
export type Document = Readonly<Record<string, unknown>>;

/** Go reads `0644` as octal, YAML 1.2 as decimal: file permissions would change on their way through. */
const octal: ScalarTag = {
  tag: "tag:yaml.org,2002:int",
  default: true,
  test: /^0[0-7]+$/,
  resolve: (text) => Number.parseInt(text, 8),
};

/**
 * The documents of a machine configuration, empty ones left out. Throws `LO_MACHINE_CONFIG` with line and column for what is no YAML, for a
 * document that is no map, a key given twice, and two documents with the same apiVersion, kind and name: Talos refuses each of these.
 */
export function parseDocuments(text: string, name = "the machine configuration"): Document[] {
  const parsed = parseAllDocuments(text, {
    customTags: (tags) => [octal, ...tags],
    uniqueKeys: true,
    prettyErrors: true,
    logLevel: "silent",
  });
  const documents: Document[] = [];
  const seen = new Set<string>();
  for (const one of Array.isArray(parsed) ? parsed : []) {
    const [error] = one.errors;
    if (error) throw wrong(name, `line ${error.linePos?.[0].line ?? "?"}: ${error.code}`);
    const value: unknown = asValue(one, name);
    if (value === null || value === undefined) continue;
    if (!isMap(value)) throw wrong(name, "a document is not a map");
    const id = identityOf(value);
    if (seen.has(id)) throw wrong(name, `there are two documents ${id}`);
    seen.add(id);
    documents.push(value);
  }
  return documents;
}

function asValue(document: { toJS(options: { maxAliasCount: number }): unknown }, name: string): unknown {
  try {
    const value = document.toJS({ maxAliasCount: 100 });
    checkDepth(value, name);
    return value;
  } catch (error) {
    throw error instanceof LightsoutError ? error : wrong(name, "its aliases cannot be resolved");
  }
}

function checkDepth(value: unknown, name: string, depth = 0): void {
  if (depth > 64) throw wrong(name, "it is nested too deeply");
  if (value === null || typeof value !== "object") return;
  for (const [key, item] of Object.entries(value)) {
    if (key === "__proto__") throw wrong(name, "a key is __proto__");
    checkDepth(item, name, depth + 1);
  }
}

/** The documents as text that Talos and talosctl read. */
export const printDocuments = (documents: readonly Document[]): string =>
  documents
    .map((document) =>
      stringify(document, { indent: 4, lineWidth: 0, customTags: (tags) => [octal, ...tags], aliasDuplicateObjects: false }),
    )
    .join("---\n");

/** What Talos knows a document by: `v1alpha1`, `HostnameConfig`, `RegistryMirrorConfig/docker.io`. */
export function identityOf({ apiVersion, kind, name }: Document): string {
  if (kind === undefined && apiVersion === undefined) return "v1alpha1";
  return [String(kind), ...(name === undefined ? [] : [String(name)])].join("/");
}

/** The v1alpha1 document, if there is one. */
export const mainOf = (documents: readonly Document[]): Document | undefined =>
  documents.find((document) => identityOf(document) === "v1alpha1");

/** The first document of a kind. */
export const kindOf = (documents: readonly Document[], kind: string): Document | undefined =>
  documents.find((document) => document.kind === kind);

/** What stands under these keys, `undefined` where nothing does. */
export function at(value: unknown, ...keys: readonly (string | number)[]): unknown {
  return keys.reduce<unknown>((here, key) => {
    if (Array.isArray(here) || isMap(here))
      return Object.hasOwn(here, key) ? (here as Readonly<Record<string | number, unknown>>)[key] : undefined;
    return undefined;
  }, value);
}

export const isMap = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The maps of a list; of anything else, none. */
export const maps = (value: unknown): readonly Readonly<Record<string, unknown>>[] => (Array.isArray(value) ? value.filter(isMap) : []);

/** Never with a value: a configuration is full of secrets. */
const wrong = (name: string, what: string) =>
  new LightsoutError("LO_MACHINE_CONFIG", `${name} cannot be read: ${what}`, {
    hint: "Check it with `talosctl validate --mode metal --config <file>`",
  });
