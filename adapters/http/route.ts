import type { z } from "zod";
import type { Clock, EventDefinition } from "#events";
import type { Role, Who } from "./auth.ts";
import type { Trouble } from "./openapi/troubles.ts";
import type { Desk } from "./port.ts";
import type { Streams } from "./stream.ts";

/** A request as a route sees it: authorised, its query and its body as the route declares them. */
export interface Ask<Query = unknown, Body = unknown> {
  readonly desk: Desk;
  readonly who: Who;
  readonly method: string;
  readonly headers: Headers;
  /** A part of the path, decoded. */
  param(name: string): string;
  readonly query: Query;
  readonly body: Body;
  readonly streams: Streams;
  readonly clock: Clock;
  /** The runtime's wall clock. */
  now(): number;
  /** The OpenAPI document of all routes. */
  document(): object;
}

/** What is said of a way in, for people and programs. The role stands beside the path, so that none can be without. */
export interface Way {
  /** Its name in programs that are made from the document; permanent. */
  readonly id: string;
  readonly tag: "events" | "runs" | "machines" | "fleet" | "boot" | "health";
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** The least role; `nobody` opens it to those without a token. */
  readonly needs: Role | "nobody";
  /** What it does, in one line. */
  readonly summary: string;
  /** What else there is to know. */
  readonly notes?: string;
  /** The parts of the path; one that is not named here is any text. */
  readonly params?: z.ZodObject;
  /** What it reads of the query. Any other name is refused: a misspelt `plan` must not act. */
  readonly query?: z.ZodObject;
  /** The headers that it reads itself. */
  readonly headers?: z.ZodObject;
  /** What the body must be. Without, none is read. */
  readonly body?: z.ZodType;
  /** More exactly than `body` can say before the events are known: by media type. */
  readonly bodies?: (events: readonly EventDefinition[]) => Readonly<Record<string, z.ZodType>>;
  /** By status: JSON of this shape. */
  readonly answers: Readonly<Record<number, z.ZodType>>;
  /** The answers are streams of server-sent events, and this the shape of each one's data. */
  readonly stream?: true;
  /** What may stand against it, beside what may stand against every request. */
  readonly troubles?: readonly Trouble[];
}

/** One way in. */
export interface Route extends Way {
  handle(ask: Ask): Promise<Response>;
}

/** Declares a way in. What the handler gets is what `query` and `body` let through. */
export function route<Query extends z.ZodObject = z.ZodObject, Body extends z.ZodType = z.ZodType>(
  way: Way & { readonly query?: Query; readonly body?: Body; handle(ask: Ask<z.output<Query>, z.output<Body>>): Promise<Response> },
): Route {
  // The server parses both with these very schemas before it calls the handler.
  return { ...way, handle: (ask) => way.handle(ask as Ask<z.output<Query>, z.output<Body>>) };
}

/** A JSON answer. */
export const answer = (body: unknown, status = 200): Response => Response.json(body, { status });
