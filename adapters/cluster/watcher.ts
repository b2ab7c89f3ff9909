import {
  clusterSeen,
  explain,
  nextRounds,
  nodeLost,
  nodeLostBefore,
  nodeReady,
  nodeSick,
  type Office,
  type Runs,
  type Stop,
  stableId,
  tellLoss,
} from "#events";
import { createHeldNodes } from "./held-nodes.ts";
import type { Cluster, NodeView, Picture } from "./port.ts";

/** What is remembered of one machine's Node, on this process's own monotonic clock. */
interface Watched {
  node: NodeView;
  /** When the lease was last seen to change. */
  renewedAt: number;
  /** Seen Ready with a renewing lease since the last blindness: eligible for recovery. */
  healthy: boolean;
  /** When it was last seen so, wall clock milliseconds. */
  healthyAt: number;
  ready: NodeView["ready"];
}

/**
 * Turns what the cluster shows into events: `node-lost` for a machine that we saw healthy and then saw go (Ready unknown and its lease
 * stale for a whole grace), `node-sick`, `node-ready`, and `node-lost-before` for damage older than our watch. Being blind
 * (the API is away, this process was stopped, a clock jumped) starts every grace anew and is never a statement about nodes.
 */
export function watchCluster(options: { cluster: Cluster; office: Office; runs: Runs; graceMs: number }): Promise<Stop> {
  const { cluster, office, graceMs } = options;
  const { clock, bus, log } = office;
  const source = `lightsout/${office.site}/cluster`;
  const tickMs = 1000;
  const keepHolds = createHeldNodes(office.settings);
  const recovery = office.specs.filter((spec) => spec.on.type === nodeLost.type).map((spec) => spec.id);
  const watched = new Map<string, Watched>();
  const stop = new AbortController();
  let picture: Picture = { reachable: false, nodes: [] };
  /** Since when we see without a break; `undefined` while blind. */
  let seeingSince: number | undefined;
  let baselined = false;
  /** Returns that are not written down yet. */
  const owed = new Map<string, { readonly bootID: string; readonly at: number }>();

  /** Told already, and not over yet: looking again every second must not fill a log with it. */
  const troubles = new Set<string>();
  const trouble = (error: unknown) => {
    const why = explain(error);
    if (!troubles.has(why)) log.note("warn", `watching the cluster: ${why}`);
    troubles.add(why);
  };
  const guarded = (work: Promise<unknown>) => void work.catch(trouble);

  const lookAt = (next: Picture) => {
    if (next.reachable !== picture.reachable) reachability(next);
    picture = next;
    guarded(keepHolds(next));
    if (!next.reachable) return;
    for (const node of next.nodes) if (node.machine !== undefined) see(node.machine, node);
  };

  const reachability = (next: Picture) => {
    seeingSince = next.reachable ? clock.mono() : undefined;
    const detail = next.reachable ? "the cluster's API answers" : "the cluster's API does not answer: nothing is concluded about any node";
    log.note(next.reachable ? "info" : "warn", detail);
    guarded(
      bus.publish(clusterSeen, { reachable: next.reachable, detail }, { id: stableId("seen", office.worker(), clock.now()), source }),
    );
    if (!next.reachable) return;
    for (const one of watched.values()) one.renewedAt = clock.mono();
  };

  const see = (machine: string, node: NodeView) => {
    const before = watched.get(machine);
    const renewed = before !== undefined && node.leaseRenewed !== before.node.leaseRenewed;
    const one: Watched = before ?? { node, renewedAt: clock.mono(), healthy: false, healthyAt: 0, ready: "missing" };
    if (renewed) one.renewedAt = clock.mono();
    if (node.ready === "true" && renewed) Object.assign(one, { healthy: true, healthyAt: clock.now() });
    one.node = node;
    watched.set(machine, one);
    if (node.ready === one.ready) return;
    one.ready = node.ready;
    owed.delete(machine);
    if (node.ready === "true") {
      owed.set(machine, { bootID: node.bootID, at: clock.now() });
      guarded(tellReturns());
    }
    if (node.ready === "false") {
      const reason = node.readyReason ?? "no reason given";
      guarded(bus.publish(nodeSick, { machine, reason }, { id: stableId("sick", machine, node.bootID, clock.now()), source }));
    }
  };

  /** A return that the store refused is told again at the next look: its incident must not stay open. */
  const tellReturns = async () => {
    for (const [machine, owing] of owed) {
      const { bootID, at } = owing;
      await bus.publish(nodeReady, { machine, bootID }, { id: stableId("ready", machine, bootID, at), source });
      await office.incidents.close(machine, clock.now());
      if (owed.get(machine) === owing) owed.delete(machine);
    }
  };

  /** Whether a machine is gone for a whole grace, as far as one unbroken watch can tell. */
  const gone = (one: Watched) => one.node.ready === "unknown" && clock.mono() - one.renewedAt >= graceMs;

  const judge = async () => {
    await tellReturns();
    if (seeingSince === undefined || clock.mono() - seeingSince < graceMs) return;
    for (const [machine, one] of watched) {
      if (!gone(one)) continue;
      if (one.healthy) {
        const holder = await office.claims.holder(machine);
        // Whoever holds it made it go, or is asking a person about it already; a recovery was only told of it before us.
        if (holder && !recovery.includes(holder.function)) continue;
        // The picture is a moment old, and whoever held the machine may just have brought it back: what is there now decides.
        if ((await cluster.node(machine).catch(() => undefined))?.ready !== "unknown") continue;
        // Only now: a loss that could not be written down is told again at the next look.
        if (await lost(machine, one)) one.healthy = false;
      } else if (!baselined) await alreadyLost(machine);
    }
    if (!baselined) {
      await nextRounds(office, options.runs);
      baselined = true;
    }
  };

  const lost = async (machine: string, { node, healthyAt }: Watched) => {
    const { want, by = "somebody", why = "no reason given" } = await office.ledger.of(machine);
    if (want === "off") {
      log.note("info", `${machine} is gone, and ${by} wants it off (${why}): not lost`);
      return true;
    }
    const pods = await cluster.pods(machine).catch(() => []);
    const workloads = pods.filter((pod) => !pod.daemonSet && !pod.mirror).map((pod) => pod.owner ?? `${pod.namespace}/${pod.name}`);
    const reason = `Node ${node.name} is Unknown and renewed no lease for ${Math.round(graceMs / 1000)} s`;
    const incident = await office.incidents.open(machine, reason, clock.now(), { bootID: node.bootID, workloads: [...new Set(workloads)] });
    return tellLoss(office, options.runs, incident, healthyAt);
  };

  const alreadyLost = async (machine: string) => {
    if ((await office.incidents.of(machine))?.state === "open" || (await office.ledger.of(machine)).want === "off") return;
    const reason = "it was lost before Lightsout watched: listed, not recovered";
    await bus.publish(nodeLostBefore, { machine, reason }, { id: stableId("before", machine, office.worker()), source });
    log.note("warn", `${machine}: ${reason}`);
  };

  const ticking = async () => {
    let before = { mono: clock.mono(), wall: clock.now() };
    while (!stop.signal.aborted) {
      await clock.sleep(tickMs, stop.signal).catch(() => undefined);
      const now = { mono: clock.mono(), wall: clock.now() };
      const paused = now.mono - before.mono > graceMs / 2;
      const jumped = Math.abs(now.wall - before.wall - (now.mono - before.mono)) > graceMs / 2;
      before = now;
      if ((paused || jumped) && seeingSince !== undefined) {
        seeingSince = now.mono;
        for (const one of watched.values()) one.renewedAt = now.mono;
        log.note("warn", `this process was ${paused ? "stopped" : "set to another time"}: watching anew for one grace`);
      }
      await judge().then(() => troubles.clear(), trouble);
      // Slow answers are no stop of this process.
      before = { mono: clock.mono(), wall: clock.now() };
    }
  };

  return (async () => {
    const unwatch = await cluster.watch(lookAt);
    const ended = ticking();
    return async () => {
      stop.abort();
      await unwatch();
      await ended;
    };
  })();
}
