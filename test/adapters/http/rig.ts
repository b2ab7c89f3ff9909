import { type AppOptions, createApp, type Role } from "#adapters/http/mod.ts";
import { tokenDigest } from "#adapters/http/token.ts";
import { createFakeDesk, type FakeDesk } from "./desk.ts";

export const roles: readonly Role[] = ["viewer", "operator", "admin"];
/** One token for each role: the token of `viewer` is `viewer-token`, its name `viewer-name`, and so on. */
export const tokens = roles.map((role) => ({ name: `${role}-name`, role, sha256: tokenDigest(`${role}-token`) }));

export interface Reply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** An app over a fake desk, and a way to talk to it without a socket. */
export function createRig(options: Partial<AppOptions> = {}, desk: FakeDesk = createFakeDesk()) {
  const app = createApp(desk, { tokens: [], ...options });
  const raw = async (
    method: string,
    path: string,
    init: { body?: string | Uint8Array<ArrayBuffer>; headers?: Record<string, string> } = {},
  ) => app.request(path, { method, ...init, headers: { ...init.headers } });
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
