import { z } from "zod";
import { answer, type Route, route } from "../route.ts";

/**
 * The API's own description. It is for viewers: it holds no secret, but names the events of the site's own functions. Who has no token
 * prints what every Lightsout has with `lightsout openapi`.
 */
export const openapiRoutes: readonly Route[] = [
  route({
    id: "openapi",
    tag: "health",
    method: "GET",
    path: "/openapi.json",
    needs: "viewer",
    summary: "this API as an OpenAPI 3.1 document",
    answers: { 200: z.looseObject({ openapi: z.literal("3.1.0") }) },
    handle: async ({ document }) => answer(document()),
  }),
];
