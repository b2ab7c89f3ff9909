import { explain, keepLooking, type Office, type Stop, servingRequested, stableId } from "#events";
import type { Cluster } from "./port.ts";

/** How a kubelet names itself to the API server. */
const prefix = "system:node:";

/**
 * Looks for kubelets that ask for a serving certificate, and tells of each request once, whoever else tells of it: `serving-requested`.
 * What is asked in the name of nobody in the inventory is noted and left alone.
 */
export function watchServing(options: {
  cluster: Pick<Cluster, "servingRequests">;
  office: Office;
  inventory: { byNode(node: string): { readonly name: string } | undefined };
  /** Default 10 seconds. */
  everyMs?: number;
}): Stop {
  const { cluster, inventory, office, everyMs = 10_000 } = options;
  const { bus, clock, log } = office;
  const source = `lightsout/${office.site}/serving`;
  let told = new Set<string>();
  let blind = false;

  const look = async (signal: AbortSignal) => {
    const requests = await cluster.servingRequests(signal);
    blind = false;
    // What is decided never comes back.
    told = new Set(requests.map(({ uid }) => uid).filter((uid) => told.has(uid)));
    for (const { name, uid, username } of requests.filter((request) => !told.has(request.uid))) {
      const machine = username.startsWith(prefix) ? inventory.byNode(username.slice(prefix.length))?.name : undefined;
      if (machine === undefined)
        log.note("warn", `${name} asks for a serving certificate as ${username}, which is no machine's Node: left alone`);
      else await bus.publish(servingRequested, { machine, request: name, uid }, { id: stableId("serving", uid), source });
      told.add(uid);
    }
  };

  const round = (signal: AbortSignal) =>
    look(signal).catch((error) => {
      if (!blind && !signal.aborted) log.note("warn", `requests for serving certificates cannot be read: ${explain(error)}`);
      blind = true;
    });
  return keepLooking(clock, round, () => everyMs);
}
