import { etcdSnapshotRequested, etcdSnapshotTaken } from "#events";
import { defineFunction } from "./define.ts";
import { takeSnapshot } from "./fragments/snapshot.ts";

/** Keep a verified copy of etcd, and only as many old ones as the retention says. */
export default defineFunction(
  { id: "etcd-snapshot", on: etcdSnapshotRequested, uses: ["inventory", "talos", "snapshots"], timeout: "2h" },
  async ({ step, ports }) => {
    const { name, from, bytes, sha256, where } = await takeSnapshot(step, ports);
    await step.emit("tell of it", etcdSnapshotTaken, { name, from, bytes, sha256, where });
    await step.run("delete what the retention does not keep", async (signal) => [...(await ports.snapshots.prune(signal))], {
      timeout: "5m",
    });
  },
);
