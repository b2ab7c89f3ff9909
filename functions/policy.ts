import type { Duration } from "#events";

/** What the operator of a site has decided once, for functions that go over many machines. */
export interface Policy {
  readonly upgrade: {
    /** How long a canary must stay healthy before the others of its hardware profile follow. */
    readonly soak: Duration;
    /** From the restart of a machine to the proof of its new version, before it counts as lost. */
    readonly within: Duration;
  };
  readonly coldStart: {
    /** Pools in the order in which they are switched on; those not named come last, workers after control planes. */
    readonly pools: readonly string[];
    /** Between two machines, so that their inrush currents do not add up. */
    readonly stagger: Duration;
  };
  readonly drift: {
    /** What may be put right without asking. Nothing else is. */
    readonly repair: readonly ("labels" | "taints")[];
  };
  /** Whether what kubelets ask for is approved where their machine confirms it, or only reported. */
  readonly serving: "approve" | "report";
}
