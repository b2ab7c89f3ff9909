import { powerContract } from "#test/contracts/power.ts";
import { makeRig } from "./rig.ts";

powerContract("ipmi, cipher suite 17", () => makeRig());
powerContract("ipmi, cipher suite 3", () => makeRig({ bmc: { suites: [3] } }));
