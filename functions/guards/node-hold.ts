import type { NodeView } from "#adapters/cluster/port.ts";
import type { NodeHold } from "#events";

/** A moment as RFC 3339 has it. Anything that `Date` would only guess at is none: a hold must not end by a guess. */
const moment = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2})$/;

/** What a hold on a Node says at `now` (wall clock milliseconds), as its annotations; `undefined` without one, and when it is over. */
export function annotationText(hold: NodeHold | undefined, now: number): string | undefined {
  if (hold === undefined) return undefined;
  const { reason, until } = hold;
  const text = `lightsout.dev/hold=${reason}`;
  if (until === undefined) return text;
  const end = moment.test(until) ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(end)) return `${text}, without an end: lightsout.dev/hold-until=${until} is no time such as 2026-01-31T18:00:00Z`;
  return end > now ? `${text} until ${until}` : undefined;
}

/** Why a machine is held by its Node as it was read just now. */
export function heldByNode(node: NodeView | undefined, now: number): string | undefined {
  const said = annotationText(node?.hold, now);
  return node && said && `Node ${node.name} is annotated ${said}`;
}

/** Why it is held while the cluster does not answer, by what was last seen on its Node. */
export function heldAsLastSeen(machine: string, seen: NodeHold | undefined, now: number): string | undefined {
  const said = annotationText(seen, now);
  return said && `the cluster does not answer, and its Node was annotated ${said}. If that is over: lightsout release ${machine}`;
}
