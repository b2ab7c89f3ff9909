import type { IpmiPowerOptions } from "#adapters/power/ipmi/mod.ts";
import { simulated } from "#test/contracts/power/rig.ts";
import { powerContract, powerFaultContract } from "#test/contracts/power.ts";
import { makeRig } from "./rig.ts";

const make = async (power: "on" | "off") => {
  const rig = await makeRig({ host: { power } });
  return simulated(rig.host, { ...rig, expecting: (expect: IpmiPowerOptions["expect"]) => rig.client({ expect }) });
};
powerContract("ipmi", make);
powerFaultContract("ipmi", make);
