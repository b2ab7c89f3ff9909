import { STATUS_CODES } from "node:http";
import { z } from "zod";
import type { EventDefinition } from "#events";
import type { Way } from "../route.ts";
import { problem } from "../schema/problem.ts";
import { inlineSchema, type Schemas } from "./json-schema.ts";
import { type Codes, codesOf, troubles } from "./troubles.ts";

/** One operation of the document: what is asked, and every answer there can be. */
export function operationOf(way: Way, events: readonly EventDefinition[], schemas: Schemas): object {
  const { answers, id, needs, notes, stream, summary, tag } = way;
  const name = id.charAt(0).toUpperCase() + id.slice(1);
  const several = Object.keys(answers).length > 1;
  const good = Object.entries(answers).map(([status, schema]) => {
    const shape = schemas.output(schema, `${name}Answer${several ? status : ""}`);
    const content = stream ? { "text/event-stream": { schema: eventOf(shape) } } : { "application/json": { schema: shape } };
    return [status, { description: meaning(status), content }] as const;
  });
  const bad = Object.entries(codesOf([always, ...needed(way), ...(way.troubles ?? []).map((trouble) => troubles[trouble])]))
    .filter(([status]) => !(Number(status) in answers))
    .map(([status, codes]) => [status, problemOf(status, codes, schemas)] as const);
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(notes !== undefined && { description: notes }),
    "x-role": needs,
    ...(needs === "nobody" && { security: [] }),
    ...parametersOf(way),
    ...bodyOf(way, events, schemas, name),
    responses: Object.fromEntries([...good, ...bad]),
  };
}

/** One server-sent event of a stream: OpenAPI 3.1 has no word for a sequence, and programs that know streams read it so. */
const eventOf = (data: object) => ({
  type: "object",
  properties: {
    id: { type: "string" },
    event: { type: "string" },
    data: { type: "string", contentMediaType: "application/json", contentSchema: data },
  },
  required: ["id", "event", "data"],
});

const meaning = (status: string): string => STATUS_CODES[status] ?? status;

/** What may stand against every request, whatever it asks. */
const always: Codes = {
  400: ["LO_HTTP_REQUEST", "LO_HTTP_QUERY"],
  403: ["LO_HTTP_ORIGIN"],
  421: ["LO_HTTP_HOST"],
  503: ["LO_HTTP_TIMEOUT", "LO_STORE*", "LO_CONTENTION"],
};

const needed = ({ body, needs }: Way): readonly Codes[] => [
  needs === "nobody" ? {} : { 401: ["LO_HTTP_UNAUTHORIZED"], ...(needs === "viewer" ? {} : { 403: ["LO_HTTP_FORBIDDEN"] }) },
  body
    ? {
        400: ["LO_HTTP_JSON", "LO_HTTP_BODY"],
        413: ["LO_HTTP_TOO_LARGE"],
        415: ["LO_HTTP_MEDIA_TYPE"],
        422: ["LO_HTTP_INVALID"],
      }
    : {},
];

function problemOf(status: string, codes: readonly string[], schemas: Schemas): object {
  const known = codes.some((code) => code.endsWith("*"))
    ? { pattern: `^(${codes.map((code) => code.replace("*", "[A-Z_]*")).join("|")})$` }
    : { enum: codes };
  const schema = { allOf: [schemas.output(problem, "Problem")], properties: { status: { const: Number(status) }, code: known } };
  const headers = status === "401" && { headers: { "WWW-Authenticate": { required: true, schema: { type: "string" } } } };
  return {
    description: `${meaning(status)}: ${codes.map((code) => `\`${code}\``).join(", ")}`,
    ...headers,
    content: { "application/problem+json": { schema } },
  };
}

function parametersOf({ headers, params, path, query }: Way): object {
  const parts = [...path.matchAll(/:(\w+)/g)].map(([, part = ""]) => [part, params?.shape[part] ?? z.string().min(1)] as const);
  const of = (place: string, fields: readonly (readonly [string, z.core.$ZodType])[]) =>
    fields.map(([name, schema]) => {
      const { description, ...rest } = inlineSchema(schema);
      const required = !z.safeParse(schema, undefined).success;
      return { name, in: place, required, ...(description !== undefined && { description }), schema: rest };
    });
  const all = [
    ...of("path", parts),
    ...of("query", Object.entries(query?.shape ?? {})),
    ...of("header", Object.entries(headers?.shape ?? {})),
  ];
  return all.length > 0 ? { parameters: all } : {};
}

function bodyOf({ bodies, body }: Way, events: readonly EventDefinition[], schemas: Schemas, name: string): object {
  if (!body) return {};
  const contents = Object.entries(bodies?.(events) ?? { "application/json": body });
  if (bodies) for (const { origin, schema, type } of events) if (origin !== "internal") schemas.input(schema, `${type}.data`);
  const content = contents.map(([media, schema]) => {
    const kind = media === "application/json" ? "Body" : "CloudEvent";
    return [media, { schema: schemas.input(schema, name + kind) }] as const;
  });
  return { requestBody: { required: !contents.every(([, schema]) => schema.safeParse({}).success), content: Object.fromEntries(content) } };
}
