export type { App, AppOptions } from "./app.ts";
export { createApp } from "./app.ts";
export type { Role, Token, Who } from "./auth.ts";
export type { Listen, Served } from "./serve.ts";
export { serveHttp } from "./serve.ts";
export { createToken } from "./token.ts";
