import { etcdBootstrapRequested, etcdRestoreRequested, type Json, RefusedError } from "#events";
import { defineFunction, type Ports } from "./define.ts";
import { etcdAnywhere } from "./fragments/etcd.ts";
import { mustHandOut } from "./fragments/hand-out.ts";
import { apiAnswers } from "./fragments/new-cluster.ts";

/** Begin etcd again from a snapshot, when it lives nowhere any more. A person always agrees. */
export default defineFunction(
  {
    id: "etcd-restore",
    on: etcdRestoreRequested,
    uses: ["inventory", "power", "cluster", "talos", "snapshots", "errands"],
    timeout: "1d",
  },
  async ({ event, step, ports }) => {
    const { machine, snapshot } = event.data;
    const plan = await step.run(
      "look at the snapshot and at the control planes",
      (signal) => planRestore(machine, snapshot, ports, signal),
      {
        reads: true,
      },
    );
    const ask = `Begin etcd again on ${machine} from ${snapshot} (${plan.taken}, ${plan.bytes} bytes)? What has changed in the cluster since is lost`;
    await step.approve("restore it", { ask, plan, within: "24h" });
    const name = `start etcd on ${machine} from the snapshot`;
    await mustHandOut({ name, event: etcdBootstrapRequested, data: { machine, snapshot }, within: "24h" }, step, ports);
    await apiAnswers(machine, step, ports);
  },
);

type Restoring = Pick<Ports, "inventory" | "power" | "talos" | "snapshots">;
type RestorePlan = { readonly taken: string; readonly bytes: number } & { readonly [key: string]: Json | undefined };

async function planRestore(machine: string, snapshot: string, ports: Restoring, signal: AbortSignal): Promise<RestorePlan> {
  if (ports.inventory.machine(machine).role !== "control-plane") throw new RefusedError(`${machine} is no control plane`);
  const kept = await ports.snapshots.list(signal);
  const found = kept.find(({ name }) => name === snapshot);
  if (!found) {
    const known = kept.map(({ name }) => name).slice(0, 5);
    throw new RefusedError(`There is no snapshot called ${snapshot}`, { hint: `The newest: ${known.join(", ") || "none is kept"}` });
  }
  const { is, why } = await etcdAnywhere(ports, signal);
  if (is === "somewhere")
    throw new RefusedError(`etcd lives: ${why}`, { hint: "Nothing was done. How control planes are cleared: docs/restore.md" });
  if (is === "cannot-tell")
    throw new RefusedError(`It cannot be known whether etcd lives: ${why}`, { hint: "Switch that machine off first" });
  const { bytes, sha256, where, at } = found;
  return { machine, snapshot, taken: new Date(at).toISOString(), bytes, sha256, where };
}
