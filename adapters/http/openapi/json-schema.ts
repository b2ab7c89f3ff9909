import { z } from "zod";
import { components } from "../schema/component.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/** What the document has under `components.schemas`: grows with what operations ask for. */
export interface Schemas {
  /** A reference to what a request carries. A schema that has a name keeps it. */
  input(schema: z.ZodType, name: string): JsonSchema;
  /** A reference to what an answer carries. */
  output(schema: z.ZodType, name: string): JsonSchema;
  /** All that were asked for, and what they refer to. */
  components(): Readonly<Record<string, JsonSchema>>;
}

type Io = "input" | "output";

const place = (id: string) => `#/components/schemas/${id}`;

/** A schema by itself, for a parameter. */
export function inlineSchema(schema: z.core.$ZodType): JsonSchema {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  return rest;
}

export function createSchemas(): Schemas {
  const registries = { input: z.registry<{ id: string }>(), output: z.registry<{ id: string }>() };
  for (const [id, schema] of components) registries.output.add(schema, { id });
  const ask =
    (io: Io): Schemas[Io] =>
    (schema, name) => {
      const id = registries[io].get(schema)?.id ?? name;
      registries[io].add(schema, { id });
      return { $ref: place(id) };
    };
  return {
    input: ask("input"),
    output: ask("output"),
    components: () => ({ ...convert(registries.output, "output"), ...convert(registries.input, "input") }),
  };
}

/** In JSON Schema 2020-12, which is OpenAPI 3.1's. What JSON Schema cannot say is left open. */
function convert(registry: z.core.$ZodRegistry<{ id: string }>, io: Io): Record<string, JsonSchema> {
  const { schemas } = z.toJSONSchema(registry, { io, unrepresentable: "any", uri: place });
  // Of schemas that refer to themselves zod keeps the parts in a place of its own, under another base than a document has.
  const shared = io === "input" ? "SharedInput" : "SharedOutput";
  const text = JSON.stringify(schemas).replaceAll(`${place("__shared")}#/`, `${place(shared)}/`);
  return Object.fromEntries(
    Object.entries(JSON.parse(text) as Record<string, JsonSchema>).map(([id, { $id: _, $schema: __, ...rest }]) => [
      id === "__shared" ? shared : id,
      rest,
    ]),
  );
}
