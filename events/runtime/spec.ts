import type { EventDefinition, Intent, StoredCloudEvent } from "../define-event.ts";
import type { Duration } from "../duration.ts";
import type { Obligation, Verdict } from "../journal.ts";
import type { Json, StepResult } from "../json.ts";
import type { ActVerb, Permit } from "./permit.ts";

/** What an observation can say. An unchanged fingerprint, a transitional state and an error are `cannot-tell`. */
export interface Observation {
  readonly is: "done" | "not-done" | "cannot-tell";
  /** What was seen, for the journal and for people. */
  readonly seen: string;
}

/** An action that must never be repeated blindly. */
export interface Act {
  readonly machine: string;
  readonly verb: ActVerb;
  /** Looks whether the world is as the act would leave it. A throw is `cannot-tell`. */
  readonly observe: (signal: AbortSignal) => Promise<Observation>;
  /**
   * Looks before the act is performed; default `observe`. Needed where the same sight means different things before and after: a
   * machine that is still on after a graceful request is `cannot-tell`, before it is `not-done`.
   */
  readonly before?: (signal: AbortSignal) => Promise<Observation>;
  /** Connects, discovers, then passes the permit's gate immediately before its one effectful write. Answers what the device said. */
  readonly perform: (permit: Permit) => Promise<string>;
  /** How long the effect may take to show. At least gate deadline (5 s) + `timeout` + `latency`. */
  readonly settle: Duration;
  /** Hard limit of `perform`; default 20 s. */
  readonly timeout?: Duration;
  /** What the device may take to carry out a request it accepted; default 5 s. */
  readonly latency?: Duration;
  /** How often to look while it settles; default 2 s. */
  readonly every?: Duration;
  /** The command that undoes it by hand, for the undo card. */
  readonly undo: string;
  /** Nothing is at risk while it has not begun: a state that cannot be read before is waited for, and nobody is asked. */
  readonly patient?: boolean;
  readonly leaves?: Obligation;
  /** Says of what `perform` answered that nothing of ours was left after all (a person's cordon stays theirs). */
  readonly leftNothing?: (answer: string) => boolean;
}

export interface ActOutcome {
  /** `already`: the world was so before, nothing was sent. */
  readonly result: "done" | "already";
  readonly seen: string;
}

export interface RunOptions<Result> {
  /** Default 3. Only for reads and idempotent writes. */
  readonly attempts?: number;
  /** Per attempt; default 30 s. */
  readonly timeout?: Duration;
  /** What the step sets in the world; the guards are asked as for the function's first act, then it is recorded, then the work is done. */
  readonly leaves?: Obligation;
  /** Says of the result that nothing was left after all (a person's cordon stays theirs). */
  readonly leftNothing?: (result: Result) => boolean;
  /** The obligation that the step takes back. Where none of this kind is open, here or inherited, the work is not run: it is not ours. */
  readonly clears?: Obligation["kind"];
  /** The guards are asked before the work and every five seconds while it goes on: one that says no stops it, and it begins again after. */
  readonly guarded?: boolean;
  /** The work only reads: a plan may run it. */
  readonly reads?: boolean;
  /** What a plan takes for the answer of work that it must not run. */
  readonly planned?: Result;
}

/** The seven verbs of a function. Steps are remembered by name; a name used twice in a run is an error. */
export interface Step {
  /** This run, and the runs whose obligations it took over. */
  readonly self: { readonly run: string; readonly inherited: readonly string[] };
  /** A read, or an idempotent write: the result is recorded once, the work may run more than once. */
  // biome-ignore lint/suspicious/noConfusingVoidType: work that only does something answers void, and that is as good as undefined
  run<Result extends StepResult | void>(
    name: string,
    work: (signal: AbortSignal) => Promise<Result> | Result,
    options?: RunOptions<Result>,
  ): Promise<Result>;
  /** An action never issued again until an observation has shown that it did not happen; otherwise the run is parked. */
  act(name: string, act: Act, options?: { readonly attempts?: number }): Promise<ActOutcome>;
  /** Waits until `probe` answers something other than `undefined`, `null` or `false`. An error is "not yet". `undefined` on timeout. */
  until<Result extends StepResult>(
    name: string,
    probe: (signal: AbortSignal) => Promise<Result | undefined | null | false>,
    options: {
      readonly every: Duration;
      readonly within: Duration;
      readonly wakeOn?: EventDefinition;
      /** What a plan takes for the answer where the run itself would bring it about. */
      readonly planned?: Result;
    },
  ): Promise<Result | undefined>;
  /** A durable timer. */
  sleep(name: string, duration: Duration): Promise<void>;
  /** An event for this run's key, counted from the later of the trigger, the last act and the last match. `undefined` on timeout. */
  waitFor<Data>(
    name: string,
    event: EventDefinition<string, Data>,
    options: { readonly within: Duration; readonly where?: (data: Data) => boolean },
  ): Promise<Data | undefined>;
  /** A person decides on exactly this plan. Refusal and timeout throw `DeniedError`. */
  approve(
    name: string,
    options: { readonly ask: string; readonly plan: Json; readonly from?: string; readonly within: Duration },
  ): Promise<{ readonly by: string }>;
  /** Publishes once per run and name. */
  emit<Data>(name: string, event: EventDefinition<string, Data>, data: Data): Promise<void>;
}

export interface HandlerContext {
  readonly event: StoredCloudEvent;
  readonly step: Step;
  readonly ports: never;
}

/** What is limited: `"2/6h"` = two in six hours. */
export type Rate = `${number}/${Duration}`;

/** A function as the runtime knows it. Functions are written with `defineFunction`, which types event and ports. */
export interface FunctionSpec {
  /** Explicit and permanent: it is part of every run's identity. */
  readonly id: string;
  readonly on: EventDefinition;
  readonly uses: readonly string[];
  /** The only acts it may perform. A function with acts claims its event's machine before anything else. */
  readonly acts: readonly ActVerb[];
  /** What the machine is meant to be when it ends; acts are refused when the ledger wants the opposite. */
  readonly aim: Intent | undefined;
  /** Started by Lightsout on its own: the storm guard may hold it back. */
  readonly recovery: boolean;
  /** Obligations it leaves on purpose when it ends well, for the next run on the machine. */
  readonly keeps: readonly Obligation["kind"][];
  readonly cancelOn: EventDefinition | undefined;
  /** Working time; waiting for people, guards and claims does not count. */
  readonly timeout: Duration;
  readonly limit: { readonly perMachine?: readonly Rate[]; readonly fleet?: Rate } | undefined;
  readonly handler: (context: HandlerContext) => Promise<void>;
}

/** What a guard is asked: may this run do this act now? */
export interface ActIntent {
  readonly run: string;
  readonly function: FunctionSpec;
  readonly event: StoredCloudEvent;
  readonly step: string;
  readonly machine: string;
  readonly verb: ActVerb;
  /** This run has performed no act and set nothing yet: it can still end as if it had never been. */
  readonly first: boolean;
  /** Topics a person has approved in this run. */
  readonly approved: ReadonlySet<string>;
  /** What the act's own observation just saw. */
  readonly observed: Observation;
  /** It is only planned: what its event asks for is not in the ledger yet. */
  readonly planned?: boolean;
}

/** A precondition of disruptive acts. Asked fresh before every act, never remembered. A throw means "no answer": the act waits. */
export interface Guard {
  readonly name: string;
  /** It reserves something: asked last, only when all others allow, and not in a plan. */
  readonly reserves?: boolean;
  /** Takes back what one that reserves has reserved for this run, because another said no before its first act. */
  giveBack?(intent: ActIntent): Promise<void>;
  /** What one that reserves would say, without reserving: for plans. */
  preview?(intent: ActIntent): Promise<Omit<Verdict, "guard">>;
  check(intent: ActIntent): Promise<Omit<Verdict, "guard">>;
}

/** Which function may take a machine over from which. */
export type Precedence = Readonly<Record<string, readonly string[]>>;
