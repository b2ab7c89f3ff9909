import type { Policy } from "#functions/policy.ts";
import type { Config } from "./schema.ts";

/** What a configuration has decided for functions that go over many machines. */
export const policyOf = ({ upgrade, coldStart, drift, serving }: Config): Policy => ({
  upgrade,
  coldStart,
  drift: { repair: drift.repair },
  serving,
});
