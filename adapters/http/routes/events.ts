import { z } from "zod";
import { eventBodies, readMessage } from "../cloudevent.ts";
import { type Route, route } from "../route.ts";
import { planOr, sent, submitOrPlan } from "../submit.ts";

/** The door for events. */
export const eventRoutes: readonly Route[] = [
  route({
    ...sent("sendEvent", "events", "unfinished", "run"),
    method: "POST",
    path: "/v1/events",
    summary: "lets an event in",
    notes:
      "As `{type, data, id?}`, or as a CloudEvent: structured (`application/cloudevents+json`), or binary, with `ce-specversion`, " +
      "`ce-id`, `ce-source`, `ce-type` and `ce-time` as headers and the data alone as the body.",
    ...planOr(z.unknown()),
    bodies: eventBodies,
    handle: async (ask) => submitOrPlan(ask, readMessage(ask.headers, ask.body)),
  }),
];
