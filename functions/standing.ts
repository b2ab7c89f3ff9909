import type { Inventory } from "#adapters/inventory/port.ts";
import type { Ledger, Settings } from "#events";
import { holdOn, holdText } from "./guards/holds.ts";
import { annotationText } from "./guards/node-hold.ts";

/** What was said of machines, for functions that go over many: an event that means a machine to be on would take such a word back. */
export interface Standing {
  /** Why a machine is to be left as it is: held, quarantined, or meant to be off. `undefined` where nobody said so. */
  against(machine: string): Promise<string | undefined>;
}

export function createStanding(options: { settings: Settings; ledger: Ledger; inventory: Inventory; now: () => number }): Standing {
  const { settings, ledger, inventory, now } = options;
  return {
    async against(machine) {
      const hold = holdOn(inventory.machine(machine), await settings.holds(now()));
      if (hold) return holdText(hold);
      const annotated = annotationText(await settings.nodeHold(machine), now());
      if (annotated !== undefined) return `its Node is annotated ${annotated}`;
      const { by = "somebody", quarantine, want, why = "no reason given" } = await ledger.of(machine);
      if (quarantine) return `quarantined since ${quarantine.since}: ${quarantine.reason}`;
      return want === "off" ? `${by} wants it off (${why})` : undefined;
    },
  };
}
