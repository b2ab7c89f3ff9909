import { simulated } from "#test/contracts/power/rig.ts";
import { powerContract, powerFaultContract } from "#test/contracts/power.ts";
import { type PersonalityName, personalities } from "#test/lab/redfish-personalities.ts";
import { createRig } from "./rig.ts";

for (const name of Object.keys(personalities) as PersonalityName[]) {
  const make = async (state: "on" | "off") => {
    const { host, power, permit, close } = await createRig(name, { power: state });
    return simulated(host, { power: power(), expecting: (expect) => power({ expect }), permit: (verb) => permit(verb), close });
  };
  powerContract(`redfish, ${name}`, make);
  powerFaultContract(`redfish, ${name}`, make);
}
