/** The door for tests of users' own functions: `import { testRun, createFakeWorld } from "lightsout/testing"`. */
export * from "../../events/testing/mod.ts";
export type { FakeApi } from "./cluster.ts";
export type { FakeConfigs } from "./configs.ts";
export type { FakeEtcd, FakeMember } from "./etcd.ts";
export { createFakeWorld, type FakeMachineOptions, type FakeWorld, type FakeWorldOptions } from "./fakes.ts";
export type { BmcFaults, FakePod, HostFaults } from "./faults.ts";
export type { FakeDrills, FakePolicy, FakeSnapshots, FakeStorage } from "./keeping.ts";
export { type Did, type FakeMachine, type NodeMarks, nothingDone } from "./machine.ts";
export type { FakeNetboot } from "./netboot.ts";
export type { FakeCni, FakeKubeconfig } from "./new-cluster.ts";
export type { FakeDisk, FakeSlot, FakeSystem, TalosFaults } from "./system.ts";
