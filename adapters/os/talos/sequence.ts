import { DeviceError } from "#events";
import type { SequenceEnd, TalosEvent, TalosFact } from "../port.ts";

/** What one fact of a sequence says about how it ends; `undefined` when it is still open. */
export function judgeFact(fact: TalosFact): SequenceEnd | undefined {
  if (fact.kind === "restart") return { end: "done", seen: `the machine goes down (${fact.how})` };
  // The last word of shutdown and reset: the events service itself is stopped with the others.
  if (fact.kind === "task" && fact.task === "stopAllServices") return { end: "done", seen: "all services are stopped" };
  if (fact.kind !== "sequence") return undefined;
  if (fact.error) {
    const end = ({ locked: "refused", canceled: "canceled", fatal: "failed" } as const)[fact.error.code];
    return { end, seen: `${fact.sequence}: ${fact.error.code}: ${fact.error.message}` };
  }
  return fact.action === "stop" ? { end: "done", seen: `${fact.sequence} came to its end` } : undefined;
}

/**
 * Reads the events of one actor until they tell how its sequence ended. That the stream breaks is an answer (`lost`), for that is what
 * it does when the machine goes down; the caller's abort and a refusal to let us read are not.
 */
export async function followSequence(events: AsyncIterable<TalosEvent>, signal: AbortSignal | undefined): Promise<SequenceEnd> {
  let last = "no event of it was seen";
  try {
    for await (const { fact } of events) {
      const end = judgeFact(fact);
      if (end) return end;
      if (fact.kind !== "other") last = `last seen: ${describe(fact)}`;
    }
    return { end: "lost", seen: `the machine ended the stream; ${last}` };
  } catch (error) {
    signal?.throwIfAborted();
    const broken = error instanceof DeviceError && ["LO_TALOS_UNREACHABLE", "LO_TALOS_TIMEOUT"].includes(error.code);
    if (!broken) throw error;
    return { end: "lost", seen: `${error.message}; ${last}` };
  }
}

function describe(fact: TalosFact): string {
  if (fact.kind === "phase") return `phase ${fact.phase} ${fact.action}`;
  if (fact.kind === "task") return `task ${fact.task} ${fact.action}`;
  return fact.kind === "sequence" ? `${fact.sequence} ${fact.action}` : fact.kind;
}
