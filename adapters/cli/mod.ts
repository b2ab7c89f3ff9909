export type { Cli } from "./cli.ts";
export { createCli } from "./cli.ts";
export type { Exit } from "./exit-codes.ts";
export { exitCodes } from "./exit-codes.ts";
export type { CliHooks, Terminal } from "./shell.ts";
