import { openObligations } from "../journal.ts";
import type { Drive } from "./office.ts";
import type { Act } from "./spec.ts";

/** What a person would type to undo by hand what this run set, if Lightsout were gone. */
export function undoCard(drive: Drive, act?: Act): string[] {
  const obligations = openObligations(drive.journal.entries).map((open) => open.undo);
  return [...(act ? [act.undo] : []), ...obligations];
}
