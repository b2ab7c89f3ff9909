import type { Role, Who } from "./auth.ts";

/** A request as a route sees it: authorised, its query names checked. */
export interface Ask {
  readonly who: Who;
  readonly method: string;
  readonly headers: Headers;
  /** A part of the path, decoded. */
  param(name: string): string;
  readonly query: Readonly<Record<string, string>>;
  /** The body, within the size limit; `undefined` where there is none. */
  json(): Promise<unknown>;
}

/** One way in. The role stands beside the path, so that none can be without. */
export interface Route {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** The least role; `nobody` opens it to those without a token. */
  readonly needs: Role | "nobody";
  /** The query names it reads. Any other is refused: a misspelt `plan` must not act. */
  readonly query?: readonly string[];
  handle(ask: Ask): Promise<Response>;
}

/** A JSON answer. */
export const answer = (body: unknown, status = 200): Response => Response.json(body, { status });
