import type { Desk } from "../port.ts";
import { answer, type Route } from "../route.ts";

/** Kept snapshots of etcd. They are taken and restored by events. */
export const snapshotRoutes = (desk: Desk): readonly Route[] => [
  { method: "GET", path: "/v1/snapshots", needs: "viewer", handle: async () => answer({ snapshots: await desk.snapshots() }) },
];
