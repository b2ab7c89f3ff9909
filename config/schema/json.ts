import { z } from "zod";
import { writtenConfig } from "../schema.ts";

/** A part of a JSON Schema, as far as it is gone through here. */
interface Part {
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Part>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Part;
  readonly items?: Part;
  readonly anyOf?: readonly Part[];
  readonly [key: string]: unknown;
}

/**
 * The JSON Schema of `lightsout.yaml`, draft 7, for editors. Whatever can be loaded passes; unknown keys, missing ones and values of another
 * shape do not. What takes more than the shape of one value to see, only loading tells.
 */
export function jsonSchema(): Part {
  const { $schema, ...made } = z.toJSONSchema(writtenConfig, { target: "draft-07", io: "input", override: inOneWord }) as Part;
  const { properties, ...rest } = emptied(made);
  const machines = properties?.machines && { machines: byName(properties.machines) };
  return {
    $schema,
    title: "lightsout.yaml",
    description: "The configuration of Lightsout.",
    ...rest,
    properties: { ...properties, ...machines },
  };
}

/** What may also be written in one word is one of two. */
function inOneWord({ jsonSchema: part }: { jsonSchema: Record<string, unknown> }): void {
  const { inOneWord: word, default: usual, description, ...written } = part;
  if (word === undefined) return;
  for (const key of Object.keys(part)) delete part[key];
  Object.assign(part, { ...(description !== undefined && { description }), ...(usual !== undefined && { default: usual }) });
  part.anyOf = [word, written];
}

/** A key without a value stands for its default, wherever the key may be left out. */
function emptied(part: Part): Part {
  const { additionalProperties, anyOf, items, properties, required = [] } = part;
  const inside = (key: string, value: Part) => (required.includes(key) ? emptied(value) : orNothing(emptied(value)));
  return {
    ...part,
    ...(properties && { properties: Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, inside(key, value)])) }),
    ...(typeof additionalProperties === "object" && { additionalProperties: orNothing(emptied(additionalProperties)) }),
    ...(items && { items: emptied(items) }),
    ...(anyOf && { anyOf: anyOf.map(emptied) }),
  };
}

const orNothing = (part: Part): Part => ({
  ...part,
  ...(part.type !== undefined && { type: [...new Set([part.type, "null"].flat())] }),
  ...(part.enum && { enum: [...part.enum, null] }),
  ...(part.anyOf && { anyOf: [...part.anyOf, { type: "null" }] }),
});

/** A list of machines, or a map of them by their names. */
function byName({ default: usual, description, items = {}, ...list }: Part): Part {
  const { properties = {}, required = [], ...machine } = items;
  const { name = {} } = properties;
  return {
    description,
    default: usual,
    anyOf: [
      {
        type: ["object", "null"],
        propertyNames: { pattern: name.pattern },
        additionalProperties: orNothing({
          ...machine,
          properties: { ...properties, name: orNothing(name) },
          required: required.filter((key) => key !== "name"),
        }),
      },
      { ...list, items },
    ],
  };
}
