import type { Schema } from "#test/adapters/http/referee.ts";
import type { Dice } from "./mutate.ts";

/** Words that a text may be, beside anything: by the name of its field. */
export type Words = Readonly<Record<string, readonly string[]>>;

const odd = [
  ...[
    "x",
    "a b",
    "é",
    "e\u0301",
    "\u202egpu",
    "\u{1f4a5}",
    "'; drop table runs;--",
    "../../etc/passwd",
    "%2e%2e%2f",
    "$" + "{env:HOME}",
    "<b>",
  ],
  ...["__proto__", "constructor", "toString", "null", "0", "-0", "NaN", "1e999", "x".repeat(300), "\t", "\ufeff", "*", ">", "a.b.>", "=00"],
];

/** One of them. */
export const pick = <Item>(items: readonly Item[], dice: Dice): Item => {
  if (items.length === 0) throw new Error("nothing to pick from");
  return items[dice(items.length)] as Item;
};

/**
 * A value that a JSON Schema lets through, as OpenAPI documents write it. Of `not` it knows nothing.
 * @param resolve finds what a `$ref` names
 */
export function sample(schema: Schema, dice: Dice, words: Words, resolve: (ref: string) => Schema, name = ""): unknown {
  const deeper = (inner: unknown, field = name) => sample(inner as Schema, dice, words, resolve, field);
  if (typeof schema.$ref === "string") return deeper(resolve(schema.$ref));
  if ("const" in schema) return schema.const;
  for (const list of [schema.enum, schema.examples]) if (Array.isArray(list)) return pick(list, dice);
  for (const list of [schema.oneOf, schema.anyOf]) if (Array.isArray(list)) return deeper(pick(list, dice));
  switch (schema.type) {
    case "object":
      return sampleObject(schema, dice, deeper);
    case "array":
      return Array.from({ length: dice(3) }, () => deeper(schema.items));
    case "string":
      return sampleText(schema, dice, words[name] ?? []);
    case "integer":
    case "number":
      return Number(schema.minimum ?? Number(schema.exclusiveMinimum ?? -1) + 1) + dice(Math.min(Number(schema.maximum ?? 1000), 1000));
    case "boolean":
      return dice(2) === 0;
    default:
      return pick([null, 0, "any", [], {}], dice);
  }
}

function sampleObject(schema: Schema, dice: Dice, deeper: (inner: unknown, field: string) => unknown): unknown {
  const properties = Object.entries((schema.properties ?? {}) as Readonly<Record<string, Schema>>);
  const required = (schema.required ?? []) as readonly string[];
  const chosen = properties.filter(([field, { not }]) => not === undefined && (required.includes(field) || dice(2) === 0));
  return Object.fromEntries(chosen.map(([field, inner]) => [field, deeper(inner, field)]));
}

function sampleText({ format, maxLength, minLength, pattern }: Schema, dice: Dice, words: readonly string[]): string {
  if (format === "date-time") return new Date(1_800_000_000_000 + dice(1_000_000_000)).toISOString();
  if (words.length > 0 && dice(4) > 0) return pick(words, dice);
  if (typeof pattern !== "string") return pick([...odd, ...(minLength === undefined ? [""] : [])], dice).slice(0, Number(maxLength ?? 1e6));
  const fit = [...words, "v1.13.9", "7", "90s", ...odd].filter((text) => new RegExp(pattern, "u").test(text));
  return pick(fit, dice);
}
