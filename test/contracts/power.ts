import { describe } from "vitest";
import { acting } from "./power/acting.ts";
import { faulty } from "./power/faults.ts";
import { offering } from "./power/offering.ts";
import { permitted } from "./power/permits.ts";
import type { Differences, MakeRig, SimulatedRig } from "./power/rig.ts";

/**
 * Every promise of the `Power` port that any BMC can show, run against one: a simulator, or a program that this project did not
 * write. `differs` names what that BMC is known to do otherwise, and with that what the client owes instead.
 */
export function powerContract(name: string, make: MakeRig, differs: Differences = {}): void {
  describe(`power contract: ${name}`, () => {
    acting(make, differs);
    permitted(make);
    offering(make, differs);
  });
}

/** The promises that only a simulator can show, because something has to go wrong for them. */
export function powerFaultContract(name: string, make: (state: "on" | "off") => Promise<SimulatedRig>): void {
  describe(`power contract, faults: ${name}`, () => faulty(make));
}
