import type { ActIntent, Verdict } from "#events";

export type Answer = Omit<Verdict, "guard">;

export const allow = (reason: string): Answer => ({ says: "allow", reason });
export const refuse = (reason: string): Answer => ({ says: "refuse", reason });
export const wait = (reason: string): Answer => ({ says: "wait", reason });
export const ask = (reason: string): Answer => ({ says: "ask", reason });

/** Held back: a run that has not acted yet is refused, one in the middle waits with what it has set. */
export const held = (intent: Pick<ActIntent, "first">, reason: string): Answer => (intent.first ? refuse(reason) : wait(reason));

/** A person asked for exactly this, through a door that knows who they are. */
export const byOperator = (intent: Pick<ActIntent, "event" | "function">): string | undefined =>
  intent.function.recovery ? undefined : intent.event.lsactor;

/** Acts under which a machine goes on as it is: what it is in the cluster's books, what it runs from its configuration. */
export const gentle = (intent: Pick<ActIntent, "verb">): boolean =>
  ["approve-serving", "settle-node", "apply-config"].includes(intent.verb);

/** Acts that take nothing away: they bring a machine on, or give one that serves nobody what it lacks. */
const brings = (intent: Pick<ActIntent, "verb">): boolean => ["power-on", "boot-once", "configure", "bootstrap"].includes(intent.verb);

/** Acts that take a machine away. `on` is never stopped by storms or quorum for a machine that is off and meant to be on. */
export const disrupts = (intent: Pick<ActIntent, "verb">): boolean => !gentle(intent) && !brings(intent);
