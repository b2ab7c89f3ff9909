import { type AppOptions, createApp, type Role } from "#adapters/http/mod.ts";
import { createDocument } from "#adapters/http/openapi/document.ts";
import { routes } from "#adapters/http/routes/mod.ts";
import { tokenDigest } from "#adapters/http/token.ts";
import { builtinEvents } from "#events";
import { createFakeDesk, type FakeDesk } from "./desk.ts";
import { createReferee } from "./referee.ts";

export const roles: readonly Role[] = ["viewer", "operator", "admin"];
/** One token for each role: the token of `viewer` is `viewer-token`, its name `viewer-name`, and so on. */
export const tokens = roles.map((role) => ({ name: `${role}-name`, role, sha256: tokenDigest(`${role}-token`) }));

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

const referee = createReferee(createDocument(routes, { version: "0.0.0", events: builtinEvents }));

/**
 * An app over a fake desk, and a way to talk to it without a socket. Every answer is held against the OpenAPI document.
 * @param options.lawless for a desk that fails as no route's own does
 */
export function createRig(
  { lawless = false, ...options }: Partial<AppOptions> & { lawless?: boolean } = {},
  desk: FakeDesk = createFakeDesk(),
) {
  const app = createApp(desk, { tokens: [], ...options });
  const raw = async (
    method: string,
    path: string,
    init: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
  ) => {
    const reply = await app.request(path, { method, ...init, headers: { ...init.headers } });
    const stream = reply.headers.get("content-type") === "text/event-stream";
    const text = stream ? "" : await reply.clone().text();
    const objection = referee.objection(method, path, { status: reply.status, headers: reply.headers, text });
    if (objection !== undefined && !lawless) throw new Error(objection);
    return reply;
  };
  const send = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<Reply> => {
    const media = body === undefined ? {} : { "content-type": "application/json" };
    const reply = await raw(method, path, {
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      headers: { ...media, ...headers },
    });
    const text = await reply.text();
    return { status: reply.status, headers: reply.headers, body: text === "" ? {} : JSON.parse(text) };
  };
  return { app, desk, raw, send };
}

export const bearer = (role: Role) => ({ authorization: `Bearer ${role}-token` });
