import type { Cluster, Kubeconfig } from "#adapters/cluster/port.ts";
import type { Cni } from "#adapters/cni/port.ts";
import type { Inventory } from "#adapters/inventory/port.ts";
import type { MachineConfigs } from "#adapters/machineconfig/port.ts";
import type { Netboot } from "#adapters/netboot/port.ts";
import type { Os, TalosMachines } from "#adapters/os/port.ts";
import type { Powers } from "#adapters/power/port.ts";
import type { Snapshots } from "#adapters/snapshots/port.ts";
import type { Storage } from "#adapters/storage/port.ts";
import type {
  ActVerb,
  Duration,
  EventDefinition,
  FunctionSpec,
  HandlerContext,
  Intent,
  Obligation,
  Rate,
  Step,
  StoredEventOf,
} from "#events";
import type { Drills } from "./drills.ts";
import type { Errands } from "./errands.ts";
import type { History } from "./history.ts";
import type { Policy } from "./policy.ts";
import type { Standing } from "./standing.ts";

/** What functions may use. A function gets only what its `uses` names. */
export interface Ports {
  readonly inventory: Inventory;
  readonly power: Powers;
  readonly cluster: Cluster;
  readonly os: Os;
  readonly talos: TalosMachines;
  readonly configs: MachineConfigs;
  readonly netboot: Netboot;
  readonly snapshots: Snapshots;
  readonly storage: Storage;
  readonly kubeconfig: Kubeconfig;
  readonly cni: Cni;
  readonly errands: Errands;
  readonly drills: Drills;
  readonly standing: Standing;
  readonly history: History;
  readonly policy: Policy;
}

/** How a function is declared. Ids are explicit and permanent: they are part of every run's identity. */
export interface FunctionOptions<Data, Use extends keyof Ports> {
  readonly id: string;
  readonly on: EventDefinition<string, Data>;
  readonly uses: readonly Use[];
  /** The only acts it may perform; default none. A function with acts holds its event's machine from the first step to the last. */
  readonly acts?: readonly ActVerb[];
  /** What the machine is meant to be in the end: acts are refused when the ledger wants the opposite. */
  readonly aim?: Intent;
  /** It starts without a person's word: the storm guard may hold it back. Default false. */
  readonly recovery?: boolean;
  /** What it leaves standing on purpose when it ends well. */
  readonly keeps?: readonly Obligation["kind"][];
  readonly cancelOn?: EventDefinition;
  /** Working time; waiting for people, guards and claims does not count. */
  readonly timeout: Duration;
  readonly limit?: { readonly perMachine?: readonly Rate[]; readonly fleet?: Rate };
}

/** Declares a function: a handler that reads like the runbook an operator would write. */
export function defineFunction<Data, const Use extends keyof Ports>(
  options: FunctionOptions<Data, Use>,
  handler: (context: { event: StoredEventOf<Data>; step: Step; ports: Pick<Ports, Use> }) => Promise<void>,
): FunctionSpec {
  const { acts = [], keeps = [], recovery = false } = options;
  return {
    id: options.id,
    on: options.on as unknown as EventDefinition,
    uses: options.uses,
    acts,
    aim: options.aim,
    recovery,
    keeps,
    cancelOn: options.cancelOn,
    timeout: options.timeout,
    limit: options.limit,
    handler: handler as unknown as (context: HandlerContext) => Promise<void>,
  };
}
