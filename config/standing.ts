import type { NodeView } from "#adapters/cluster/port.ts";
import type { DrillRow, Trusted } from "#adapters/http/port.ts";
import type { Machine } from "#adapters/inventory/mod.ts";
import { drillLapsed, heldAsLastSeen, heldByNode, holdOn, holdText, trustNow } from "#functions/guards/mod.ts";
import type { Sight } from "./look.ts";

/** Everything that holds a machine: what people told Lightsout, and what they wrote on its Node. */
export async function holdsOn(
  machine: Machine,
  { office: { clock, settings } }: Sight,
  /** `undefined` without a Node; `"silent"` while the cluster does not answer. */
  node: NodeView | undefined | "silent",
): Promise<string[]> {
  const now = clock.now();
  const told = (await settings.holds(now)).filter((hold) => holdOn(machine, [hold])).map(holdText);
  const written = node === "silent" ? heldAsLastSeen(machine.name, await settings.nodeHold(machine.name), now) : heldByNode(node, now);
  return written === undefined ? told : [...told, written];
}

/** @param drills whether `auto` rests on a passed drill */
export async function trustedNow({ name }: Machine, { office: { settings }, ports }: Sight, drills: boolean): Promise<Trusted> {
  const lapsed = drills ? (machine: string) => drillLapsed(machine, settings, ports) : undefined;
  const { inForce, set, why } = await trustNow(name, settings, ports.inventory, lapsed);
  return { trust: set, trustInForce: inForce, ...(why === undefined ? {} : { trustWhy: why }) };
}

/** The last drill that it passed, and why that no longer counts, if so. */
export async function drillOf({ name }: Machine, { office: { settings }, ports }: Sight): Promise<DrillRow | undefined> {
  const drill = await settings.drill(name);
  if (!drill) return undefined;
  const { at, bootMs, gpus, offMs, run } = drill;
  const lapsed = await drillLapsed(name, settings, ports);
  return { at, run, offMs, bootMs, gpus, ...(lapsed === undefined ? {} : { lapsed }) };
}
