import type { ServingRequest } from "#adapters/cluster/port.ts";
import { type Act, RefusedError, type Step, sameUuid } from "#events";
import type { Ports } from "../define.ts";
import { judgeServing, type ServingAnswer } from "../guards/serving.ts";
import { asRefusal } from "./refusal.ts";

type Approving = Pick<Ports, "inventory" | "cluster" | "talos" | "policy">;

/** A request and what was found of it. */
type Judged = { readonly name: string; readonly uid: string; readonly approve: boolean; readonly why: string };

/**
 * Approves what the machine's kubelet asks for now, as far as Talos on the machine confirms it. The rest is left alone and reported on its
 * Node, as everything is where the policy is `report`. For a run that holds the machine; whoever does not is served by `csr-approver`.
 */
export async function approveServing(machine: string, step: Step, ports: Approving): Promise<void> {
  const requests = await step.run("what its kubelet asks for", (signal) => judgedRequests(machine, ports, signal), {
    reads: true,
    attempts: 20,
  });
  const acts = ports.policy.serving === "approve";
  for (const { approve, name, uid } of requests)
    if (approve && acts) await step.act(`approve ${name}`, approval(machine, uid, ports), { attempts: 5 });
  const left = requests.filter(({ approve }) => !approve || !acts);
  if (left.length === 0) return;
  const message = left.map(({ approve, name, why }) => `${name}: ${approve ? "a person may approve it: " : ""}${why}`).join("; ");
  const told = { reason: "LightsoutServingRequest", message, type: "Warning" as const };
  await step.run("report what was left alone", (signal) => ports.cluster.report(machine, told, signal));
}

async function judgedRequests(machine: string, ports: Approving, signal: AbortSignal): Promise<Judged[]> {
  const requests = await requestsOf(machine, ports, signal);
  if (requests.length === 0) return [];
  const judge = await judgeOf(machine, ports, signal);
  return requests.map((request) => ({ name: request.name, uid: request.uid, ...judge(request) }));
}

/** Undecided requests in the name of the machine's Node. */
async function requestsOf(machine: string, ports: Approving, signal: AbortSignal): Promise<readonly ServingRequest[]> {
  const { node } = ports.inventory.machine(machine);
  return (await ports.cluster.servingRequests(signal)).filter(({ username }) => username === `system:node:${node}`);
}

/** Asks the machine itself. At an address where another machine answers, nothing is confirmed. */
async function judgeOf(machine: string, ports: Approving, signal: AbortSignal): Promise<(request: ServingRequest) => ServingAnswer> {
  const { node, uuid } = ports.inventory.machine(machine);
  const talos = ports.talos.of(machine);
  const [system, told] = await Promise.all([talos.system(signal), talos.node(signal)]);
  if (uuid !== undefined && system.uuid !== undefined && !sameUuid(uuid, system.uuid))
    return () => ({ approve: false, why: `Talos at the address of ${machine} runs on ${system.uuid}, which is another machine` });
  return (request) => judgeServing(request, { node, names: told ? [told.name] : [], addresses: told?.addresses ?? [] });
}

/** The approval of one request. What is decided by somebody else, or no longer confirmed, is nothing to do. */
function approval(machine: string, uid: string, ports: Approving): Act {
  let judged: ServingRequest | undefined;
  const look = async (signal: AbortSignal) => (await requestsOf(machine, ports, signal)).find((request) => request.uid === uid);
  return {
    machine,
    verb: "approve-serving",
    async before(signal) {
      judged = await look(signal);
      if (!judged) return { is: "done", seen: "it was decided by somebody else" };
      const { approve, why } = (await judgeOf(machine, ports, signal))(judged);
      return approve ? { is: "not-done", seen: why } : { is: "done", seen: `left alone: ${why}` };
    },
    async observe(signal) {
      return (await look(signal)) ? { is: "not-done", seen: "undecided" } : { is: "done", seen: "decided" };
    },
    async perform(permit) {
      if (!judged) throw new RefusedError(`${machine}: there is no request to approve`);
      try {
        return await ports.cluster.approveServing(judged, permit);
      } catch (error) {
        throw asRefusal(error);
      }
    },
    settle: "30s",
    patient: true,
    undo: "nothing: Kubernetes revokes no certificate, it ends by itself",
  };
}
