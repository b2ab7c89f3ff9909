import { Ajv2020 } from "ajv/dist/2020.js";

/** What of an OpenAPI document is looked at here. */
export interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}
export interface Operation {
  readonly operationId: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly required: boolean; readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly responses: Readonly<Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>>;
  readonly "x-role": string;
}
export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query" | "header";
  readonly required: boolean;
  readonly schema: Schema;
}
export type Schema = Readonly<Record<string, unknown>>;

/** One way of the document. */
export interface Way extends Operation {
  readonly method: string;
  readonly path: string;
}

/** What came back. */
export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** Holds answers and bodies against the document, with a JSON Schema validator that this project did not write. */
export interface Referee {
  readonly ways: readonly Way[];
  /** Whether the document lets a value through. */
  fits(schema: Schema, value: unknown): boolean;
  /** What is wrong with an answer; `undefined` where it is as documented. */
  objection(method: string, target: string, answered: Answered): string | undefined;
}

/** Answers that no operation has: the request found none, or was none. */
const outside: Readonly<Record<number, readonly string[]>> = {
  400: ["LO_HTTP_REQUEST"],
  403: ["LO_HTTP_ORIGIN"],
  404: ["LO_HTTP_PATH"],
  405: ["LO_HTTP_METHOD"],
  408: ["LO_HTTP_REQUEST"],
  417: ["LO_HTTP_REQUEST"],
  421: ["LO_HTTP_HOST"],
  431: ["LO_HTTP_REQUEST"],
};

export function createReferee(document: object): Referee {
  const { components, paths } = JSON.parse(JSON.stringify(document)) as Document;
  // A pattern says more than a format that has one.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: false });
  ajv.addSchema({ $id: "document:", components });
  const checks = new Map<Schema, ReturnType<typeof ajv.compile>>();
  const check = (schema: Schema) => {
    const known = checks.get(schema) ?? ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"document:#/')));
    checks.set(schema, known);
    return known;
  };
  const problem = components.schemas.Problem ?? {};
  const ways = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): Way => ({ ...operation, method: method.toUpperCase(), path })),
  );
  const patterns = ways.map((way) => ({ way, pattern: new RegExp(`^${way.path.replace(/\{\w+\}/g, "[^/]+").replaceAll(".", "\\.")}$`) }));
  const wrongWith = (schema: Schema, value: unknown) => {
    const validate = check(schema);
    return validate(value) ? undefined : `${ajv.errorsText(validate.errors)} in ${JSON.stringify(value).slice(0, 500)}`;
  };

  function noOperation(where: string, { headers, status, text }: Answered): string | undefined {
    if (headers.get("content-type") !== "application/problem+json") return `${where} is ${headers.get("content-type")}`;
    const body = JSON.parse(text) as { code?: string };
    if (status === 405 && !headers.get("allow")) return `${where} does not say what is allowed`;
    if (!outside[status]?.includes(body.code ?? "")) return `${where} is ${body.code}, and not of an operation`;
    return wrongWith(problem, body);
  }

  return {
    ways,
    fits: (schema, value) => check(schema)(value) === true,
    objection(method, target, answered) {
      const { headers, status, text } = answered;
      // As clients and servers read it: without . and .. in any spelling.
      const path = URL.parse(target, "http://localhost")?.pathname ?? target;
      const asked = method === "HEAD" ? "GET" : method;
      const where = `${method} ${path.slice(0, 100)}: ${status}`;
      const way = patterns.find(({ pattern, way }) => way.method === asked && pattern.test(path))?.way;
      // What is no request has no method either.
      if (method === "HEAD" && text !== "")
        return text.includes('"LO_HTTP_REQUEST"') ? noOperation(where, answered) : `${where} has a body`;
      const documented = way?.responses[status];
      if (!documented) return method === "HEAD" ? undefined : noOperation(where, answered);
      const type = headers.get("content-type") ?? "";
      const schema = documented.content[type]?.schema;
      if (!schema) return `${where} is ${type}, which is not documented`;
      if (method === "HEAD" || type === "text/event-stream") return undefined;
      const wrong = wrongWith(schema, JSON.parse(text));
      return wrong === undefined ? undefined : `${where}: ${wrong}`;
    },
  };
}
