import { z } from "zod";
import { answer, type Route, route } from "../route.ts";
import { snapshot } from "../schema/fleet.ts";

/** Kept snapshots of etcd. They are taken and restored by events. */
export const snapshotRoutes: readonly Route[] = [
  route({
    id: "listSnapshots",
    tag: "boot",
    method: "GET",
    path: "/v1/snapshots",
    needs: "viewer",
    summary: "the kept snapshots of etcd, the newest first",
    answers: { 200: z.strictObject({ snapshots: z.array(snapshot) }) },
    troubles: ["snapshots"],
    handle: async ({ desk }) => answer({ snapshots: await desk.snapshots() }),
  }),
];
