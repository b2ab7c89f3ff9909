export type { AppOptions } from "./app.ts";
export { createApp } from "./app.ts";
export type { Role } from "./auth.ts";
export type { Listeners } from "./listeners.ts";
export { createListeners } from "./listeners.ts";
export type { Served } from "./serve.ts";
export { serveHttp } from "./serve.ts";
export { createToken } from "./token.ts";
