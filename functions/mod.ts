/** The door for users' own functions: `import { defineFunction } from "lightsout"`. */

/** What the schemas of own events are written with. */
export { z } from "zod";
export * from "#events";
export { defineFunction, type FunctionOptions, type Ports } from "./define.ts";
export { fence } from "./fragments/fence.ts";
export { collectEvidence, confirmLost } from "./fragments/lost.ts";
export { forceOff, gracefulOff, powerOn } from "./fragments/power.ts";
export { cordon, proveReturned, takeOutOfService, uncordon } from "./fragments/service.ts";
