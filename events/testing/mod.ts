export type { History, HitOptions, Scenario } from "./crash-everywhere.ts";
export { crashEverywhere } from "./crash-everywhere.ts";
export type { FakeClock, FakeTime } from "./fake-time.ts";
export { createFakeTime } from "./fake-time.ts";
export type { Incarnation, Point } from "./incarnation.ts";
export { createIncarnation } from "./incarnation.ts";
export { createScaledTime } from "./scaled-time.ts";
export type { TestRun, TestRunOptions } from "./test-run.ts";
export { line, testRun } from "./test-run.ts";
