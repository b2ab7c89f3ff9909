import { canonical, type Settings } from "#events";
import type { Picture } from "./port.ts";

/** Keeps the holds that people write on Nodes, as they are seen, for when the cluster cannot be asked. */
export function createHeldNodes(settings: Settings): (picture: Picture) => Promise<void> {
  let kept: string | undefined;
  let turn: Promise<void> = Promise.resolve();

  const keep = async ({ nodes, reachable }: Picture) => {
    const holds = nodes.flatMap(({ hold, machine }) => (machine === undefined || hold === undefined ? [] : [[machine, hold] as const]));
    // A release while the cluster was away has forgotten what was seen: what is there afterwards is kept anew.
    const now = reachable ? canonical(holds) : undefined;
    if (now !== undefined && now !== kept) await settings.keepNodeHolds(new Map(holds));
    kept = now;
  };

  return (picture) => {
    turn = turn.catch(() => undefined).then(() => keep(picture));
    return turn;
  };
}
