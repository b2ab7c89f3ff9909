import { powerContract } from "#test/contracts/power.ts";
import { type PersonalityName, personalities } from "#test/lab/redfish-personalities.ts";
import { createRig } from "./rig.ts";

for (const name of Object.keys(personalities) as PersonalityName[]) {
  powerContract(`redfish, ${name}`, async () => {
    const { host, power, permit, close } = await createRig(name);
    return { host, power: power(), permit: (verb) => permit(verb), close };
  });
}
