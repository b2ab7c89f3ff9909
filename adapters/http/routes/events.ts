import { readMessage } from "../cloudevent.ts";
import type { Desk } from "../port.ts";
import type { Route } from "../route.ts";
import { submitOrPlan } from "../submit.ts";

/** The door for events. */
export const eventRoutes = (desk: Desk): readonly Route[] => [
  {
    method: "POST",
    path: "/v1/events",
    needs: "operator",
    query: ["plan"],
    handle: async (ask) => submitOrPlan(desk, ask, readMessage(ask.headers, await ask.json())),
  },
];
