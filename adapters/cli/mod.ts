export { createCli } from "./cli.ts";
export { exitCodes } from "./exit-codes.ts";
export { rackLines } from "./rack-table.ts";
export type { CliHooks, DemoAsked } from "./shell.ts";
