import type { NodeView } from "#adapters/cluster/port.ts";
import type { Power } from "#adapters/power/port.ts";
import { DeviceError, type Incidents, type Office, type Runs, type Settings } from "#events";
import type { Ports } from "#functions/define.ts";

/** What guards and lists read of the world: as it is, or as one look has seen it. */
export interface Sight {
  readonly office: Office;
  readonly runs: Runs;
  readonly ports: Ports;
}

/** One look at the whole fleet. */
export interface Look extends Sight {
  /** `undefined` while the cluster does not answer. */
  readonly nodes: readonly NodeView[] | undefined;
}

const clusterMs = 5000;
const bmcMs = 8000;

/**
 * Looks at everything at most once, however many guards ask of it for however many machines: a list of a hundred machines must not ask a
 * hundred times for all Nodes, nor a BMC four times who it is. For showing only: an act has its guards look for themselves.
 */
export async function lookAt({ office, ports, runs }: Sight): Promise<Look> {
  const nodes = await ports.cluster.nodes(AbortSignal.timeout(clusterMs)).catch(() => undefined);
  const settings: Settings = {
    ...office.settings,
    freeze: once(() => office.settings.freeze()),
    holds: once(() => office.settings.holds(office.clock.now())),
    drill: onceEach((machine) => office.settings.drill(machine)),
  };
  const incidents: Incidents = { ...office.incidents, all: once(() => office.incidents.all()) };
  const pods = onceEach((machine) => ports.cluster.pods(machine, AbortSignal.timeout(clusterMs)));
  const powers = new Map<string, Power>();
  const powerOf = (machine: string): Power => {
    const known = powers.get(machine);
    if (known) return known;
    const real = ports.power.of(machine);
    const power = { ...real, identity: once(() => real.identity(AbortSignal.timeout(bmcMs))) };
    powers.set(machine, power);
    return power;
  };
  return {
    nodes,
    runs: { ...runs, all: once(() => runs.all()) },
    office: { ...office, settings, incidents },
    ports: {
      ...ports,
      power: { of: powerOf },
      cluster: {
        ...ports.cluster,
        async node(machine) {
          if (nodes) return nodes.find((node) => node.machine === machine);
          throw new DeviceError("LO_CLUSTER_UNREACHABLE", { target: machine, operation: "read node", effect: "none" }, "no answer");
        },
        pods,
      },
    },
  };
}

function once<Answer>(ask: () => Promise<Answer>): () => Promise<Answer> {
  let answer: Promise<Answer> | undefined;
  return () => {
    answer ??= ask();
    return answer;
  };
}

function onceEach<Answer>(ask: (about: string) => Promise<Answer>): (about: string) => Promise<Answer> {
  const answers = new Map<string, () => Promise<Answer>>();
  return (about) => {
    const asked = answers.get(about) ?? once(() => ask(about));
    answers.set(about, asked);
    return asked();
  };
}
