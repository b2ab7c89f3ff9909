/** The door for tests of users' own functions: `import { testRun, createFakeWorld } from "lightsout/testing"`. */
export * from "../../events/testing/mod.ts";
export type { FakeApi } from "./cluster.ts";
export { createFakeWorld, type FakeWorld, type FakeWorldOptions } from "./fakes.ts";
export type { BmcFaults, FakePod, HostFaults } from "./faults.ts";
export type { Did, FakeMachine, NodeMarks } from "./machine.ts";
