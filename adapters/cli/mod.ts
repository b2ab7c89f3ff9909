export { createCli } from "./cli.ts";
export { exitCodes } from "./exit-codes.ts";
export { Failure } from "./failure.ts";
export { rackLines } from "./rack-table.ts";
export type { Check, CliHooks, DemoAsked, InitAsked, InitMachine, InitMade, Terminal } from "./shell.ts";
