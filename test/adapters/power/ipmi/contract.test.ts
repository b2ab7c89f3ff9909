import { powerContract } from "#test/contracts/power.ts";
import { makeRig } from "./rig.ts";

powerContract("ipmi", () => makeRig());
