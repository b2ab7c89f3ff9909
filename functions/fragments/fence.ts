import { DeniedError, explain, freezeRequested, RefusedError, type Step, TerminalError } from "#events";
import type { Ports } from "../define.ts";
import { mustBeOff } from "./off.ts";
import { forceOff } from "./power.ts";
import { cordon, uncordon, untilItAnswers } from "./service.ts";

type Fencing = Pick<Ports, "inventory" | "power" | "cluster" | "os">;

/**
 * Fences a lost machine so that its storage may move: cordon, off, two Off readings apart, the same reading again in the step that taints
 * it out of service, then a bounded wait, while it is off, until its pods and volumes are gone. It ends off, cordoned and tainted. A
 * silent BMC parks it before anything but the cordon is set. `foundOff` is asked when the machine was off already, and not by this run.
 */
export async function fence(machine: string, step: Step, ports: Fencing, foundOff: () => Promise<void>): Promise<void> {
  await cordon(machine, step, ports);
  const others = await step.run("note which other nodes serve", (signal) => servingNodes(machine, ports, signal), {
    reads: true,
    attempts: untilItAnswers,
  });
  const serving = await cutPower(machine, step, ports, foundOff);
  const renewals = await step.run("note their leases", (signal) => leasesOf(serving ?? others, ports, signal), {
    reads: true,
    attempts: untilItAnswers,
  });
  await step.sleep("let it be off for a moment", "5s");
  await step.run("read Off a second time", (signal) => mustBeOff(machine, ports, signal), {
    reads: true,
    attempts: untilItAnswers,
  });
  await onlyItWentDark(machine, renewals, step, ports);
  await step.act("taint it out of service", outOfService(machine, ports));
  const gone = await step.until("its pods and volumes are gone", (signal) => detached(machine, ports, signal), {
    every: "2s",
    within: "6m",
  });
  if (gone === "reads on") await takeTaintBack(machine, step, ports);
}

/** Answers who served in the moment before the cut, as far as this worker saw it. */
async function cutPower(machine: string, step: Step, ports: Fencing, foundOff: () => Promise<void>): Promise<string[] | undefined> {
  let serving: string[] | undefined;
  const off = forceOff(machine, ports);
  try {
    const { result } = await step.act("power off", {
      ...off,
      async before(signal) {
        // A guard may have held the off for hours: who died meanwhile did not die of it.
        serving = await servingNodes(machine, ports, signal).catch(() => serving);
        return off.observe(signal);
      },
    });
    if (result === "already") await foundOff();
    return serving;
  } catch (error) {
    // A guard or a person said no, so it stays as it was: it may serve again.
    if (error instanceof RefusedError || error instanceof DeniedError) await uncordon(machine, step, ports);
    throw error;
  }
}

/** If another node fell silent with the off, the wrong box may have been cut: nothing is tainted and everything is frozen. */
async function onlyItWentDark(machine: string, renewals: Renewals, step: Step, ports: Fencing): Promise<void> {
  const renewed = (name: string) => step.until(name, (signal) => allRenewed(renewals, ports, signal), { every: "2s", within: "60s" });
  if (await renewed("every other node still renews its lease")) return;
  // Leases are renewed through the API: while that is away nobody can, and it is no statement about nodes. They get their time when it answers.
  await step.run("see that the cluster's API answers", (signal) => leasesOf([], ports, signal), { reads: true, attempts: untilItAnswers });
  if (await renewed("every other node renews its lease again")) return;
  const reason = `${machine} reads Off, but another node stopped renewing its lease at the same time: the wrong box may have been cut`;
  await step.emit("freeze everything", freezeRequested, { reason });
  throw new TerminalError(reason, {
    hint: "Everything is frozen. Compare the BMC addresses and serials with the rack, then `lightsout unfreeze`",
  });
}

/** On while it was to stay off: the taint detaches storage from a machine that runs, so it is taken back however long the API takes. */
async function takeTaintBack(machine: string, step: Step, ports: Fencing): Promise<never> {
  const { node } = ports.inventory.machine(machine);
  const what = `${machine} reads On while it was to stay off: somebody else is switching it`;
  try {
    await step.run("take the taint back at once", (signal) => ports.cluster.untaintOutOfService(machine, signal), {
      clears: "out-of-service-taint",
      attempts: untilItAnswers,
    });
  } catch (error) {
    const hint = `Its storage is being detached: kubectl taint node ${node} node.kubernetes.io/out-of-service-`;
    throw new TerminalError(`${what}, and its taint cannot be taken back: ${explain(error)}`, { hint, cause: error });
  }
  throw new TerminalError(`${what}. The taint was taken back`, { hint: `See who is at ${machine}, then \`lightsout release ${machine}\`` });
}

/** The out-of-service taint as an act: guarded, and only on a machine that reads off in the same breath. */
const outOfService = (machine: string, ports: Fencing) => ({
  machine,
  verb: "taint-out-of-service" as const,
  observe: async (signal: AbortSignal) => {
    const node = await ports.cluster.node(machine, signal);
    return node?.outOfService
      ? { is: "done" as const, seen: "tainted" }
      : { is: "not-done" as const, seen: node ? "not tainted" : "no Node" };
  },
  perform: (permit: Parameters<Ports["cluster"]["taintOutOfService"]>[1]) =>
    ports.cluster.taintOutOfService(machine, permit, () => mustBeOff(machine, ports, permit.signal)),
  settle: "30s" as const,
  patient: true,
  undo: `kubectl taint node ${ports.inventory.machine(machine).node} node.kubernetes.io/out-of-service-`,
  leaves: {
    kind: "out-of-service-taint" as const,
    machine,
    undo: `kubectl taint node ${ports.inventory.machine(machine).node} node.kubernetes.io/out-of-service-`,
  },
});

type Renewals = Readonly<Record<string, string>>;

async function servingNodes(machine: string, ports: Fencing, signal: AbortSignal): Promise<string[]> {
  const own = ports.inventory.machine(machine).node;
  const nodes = await ports.cluster.nodes(signal);
  return nodes.filter((node) => node.name !== own && node.ready === "true" && node.leaseRenewed !== undefined).map((node) => node.name);
}

async function leasesOf(names: readonly string[], ports: Fencing, signal: AbortSignal): Promise<Renewals> {
  const nodes = await ports.cluster.nodes(signal);
  return Object.fromEntries(nodes.filter((node) => names.includes(node.name)).map((node) => [node.name, node.leaseRenewed ?? ""]));
}

async function allRenewed(before: Renewals, ports: Fencing, signal: AbortSignal): Promise<true | undefined> {
  const now = await leasesOf(Object.keys(before), ports, signal);
  // A Node that was deleted meanwhile says nothing of power.
  return Object.keys(before).every((name) => now[name] === undefined || now[name] !== before[name]) || undefined;
}

/** `gone`, `reads on`, or not yet. */
async function detached(machine: string, ports: Fencing, signal: AbortSignal): Promise<"gone" | "reads on" | undefined> {
  if ((await ports.power.of(machine).state(signal)).state === "on") return "reads on";
  const pods = await ports.cluster.pods(machine, signal);
  const holding = pods.filter((pod) => !pod.mirror && !pod.daemonSet && !pod.toleratesOutOfService);
  const volumes = await ports.cluster.attachments(machine, signal);
  return holding.length === 0 && volumes.length === 0 ? "gone" : undefined;
}
