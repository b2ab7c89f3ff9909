/** A JSON object as a BMC sent it: nothing about its members is certain. */
export type Fields = Readonly<Record<string, unknown>>;

/** Whether `value` is a JSON object. */
export function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Follows own members only, so that a name such as `constructor` finds nothing. `undefined` where the path ends early. */
export function at(value: unknown, ...path: readonly string[]): unknown {
  let here = value;
  for (const name of path) here = isFields(here) && Object.hasOwn(here, name) ? here[name] : undefined;
  return here;
}

/** The object at `path`, empty where there is none. */
export function fields(value: unknown, ...path: readonly string[]): Fields {
  const found = at(value, ...path);
  return isFields(found) ? found : {};
}

/** The text at `path`, trimmed; `undefined` where it is missing, empty or no text. */
export function text(value: unknown, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  const trimmed = typeof found === "string" ? found.trim() : "";
  return trimmed === "" ? undefined : trimmed;
}

/** The finite number at `path`; some services send numbers as text. */
export function numeric(value: unknown, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path);
  const parsed = typeof found === "string" && found.trim() !== "" ? Number(found) : found;
  return typeof parsed === "number" && Number.isFinite(parsed) ? parsed : undefined;
}

/** The list at `path`. A lone object counts as a list of one: iDRAC sends single messages so. */
export function list(value: unknown, ...path: readonly string[]): readonly unknown[] {
  const found = at(value, ...path);
  if (Array.isArray(found)) return found;
  return isFields(found) ? [found] : [];
}

/** The texts in the list at `path`; everything else in it is passed over. */
export function texts(value: unknown, ...path: readonly string[]): readonly string[] {
  return list(value, ...path).filter((entry): entry is string => typeof entry === "string");
}

/**
 * The resource that the `@odata.id` at `path` names, as a path on the BMC we talk to. Host names in links are dropped:
 * behind NAT they are wrong, and credentials must never follow one.
 */
export function link(value: unknown, ...path: readonly string[]): string | undefined {
  return pathOf(at(value, ...path, "@odata.id"));
}

/** The `@odata.id`s of a list of links. */
export function links(value: unknown, ...path: readonly string[]): readonly string[] {
  return list(value, ...path).flatMap((entry) => link(entry) ?? []);
}

/** Path and query of a reference, absolute or relative; `undefined` where it is none. A trailing slash stays as given. */
export function pathOf(reference: unknown): string | undefined {
  if (typeof reference !== "string" || reference.trim() === "") return undefined;
  const base = "http://bmc/";
  if (!URL.canParse(reference, base)) return undefined;
  const url = new URL(reference, base);
  return /^https?:$/.test(url.protocol) ? url.pathname + url.search : undefined;
}

/** Like `pathOf`, but `undefined` where the reference leaves `origin`: what a redirect may ask for. */
export function pathWithin(origin: string, reference: string | undefined): string | undefined {
  if (!reference || !URL.canParse(reference, origin)) return undefined;
  const url = new URL(reference, origin);
  return url.origin === origin ? url.pathname + url.search : undefined;
}
