import type { Desk } from "../port.ts";
import type { Way } from "../route.ts";
import { createSchemas } from "./json-schema.ts";
import { operationOf } from "./operation.ts";

const description = `What an operator and their programs can ask of Lightsout and tell it.

JSON in, JSON out. \`x-role\` is the least role that an operation needs: \`viewer\` looks; \`operator\` also runs, holds and approves;
\`admin\` also changes trust; each includes the one before, and \`nobody\` needs no token. Where no tokens are configured only loopback
is served, and everybody there may do everything.

Every error is \`application/problem+json\` (RFC 9457) with \`status\`, a stable \`code\`, \`detail\` and, where there is one, \`hint\`: the
next thing to do. A path that is not here is answered with 404 \`LO_HTTP_PATH\`, a method that a path does not have with 405
\`LO_HTTP_METHOD\` and \`Allow\`; GET can be asked as HEAD. A 500 \`LO_HTTP_INTERNAL\` is a defect of Lightsout.

A running Lightsout's own document has the events of your own functions too.`;

const tags = {
  events: "the door for events, and what could not be used",
  runs: "functions at work, and what they ask",
  machines: "machines, and what they are declared to run",
  fleet: "what people tell all of it: freeze, holds, trust",
  boot: "network boot and snapshots",
  health: "for probes and monitors, and this document",
} as const satisfies Record<Way["tag"], string>;

/** The API as an OpenAPI 3.1 document, made of what the routes declare and of the events that can be sent. */
export function createDocument(ways: readonly Way[], about: Pick<Desk, "version" | "events">): object {
  const schemas = createSchemas();
  const paths: Record<string, Record<string, object>> = {};
  for (const way of ways) {
    const path = way.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [way.method.toLowerCase()]: operationOf(way, about.events, schemas) };
  }
  return {
    openapi: "3.1.0",
    info: { title: "Lightsout", version: about.version, description, license: { name: "Apache-2.0", identifier: "Apache-2.0" } },
    servers: [{ url: "/", description: "where this document is served; by itself http://127.0.0.1:7480" }],
    tags: Object.entries(tags).map(([name, text]) => ({ name, description: text })),
    security: [{ token: [] }, {}],
    paths,
    components: {
      schemas: schemas.components(),
      securitySchemes: {
        token: { type: "http", scheme: "bearer", description: "`lightsout token` makes one; its SHA-256 goes into `http.tokens`" },
      },
    },
  };
}
