import { z } from "zod";
import { answer, type Route, route } from "../route.ts";
import { armRow } from "../schema/fleet.ts";

/** What machines may load from the network. Arms are made by runs alone; a person can take one back. */
export const netbootRoutes: readonly Route[] = [
  route({
    id: "listArms",
    tag: "boot",
    method: "GET",
    path: "/v1/arms",
    needs: "viewer",
    summary: "each machine's last permission to boot from the network, and what was seen of it",
    answers: { 200: z.strictObject({ arms: z.array(armRow) }) },
    handle: async ({ desk }) => answer({ arms: await desk.netboot.arms() }),
  }),
  route({
    id: "disarm",
    tag: "boot",
    method: "DELETE",
    path: "/v1/arms/:name",
    needs: "operator",
    summary: "takes it back",
    notes: "The machine boots its disk.",
    body: z.strictObject({ reason: z.string().optional() }),
    answers: { 200: z.strictObject({ arm: armRow.nullable() }) },
    troubles: ["machine"],
    async handle({ body, desk, param, who }) {
      const { reason = "no reason given" } = body;
      return answer({ arm: (await desk.netboot.disarm(param("name"), `${who.name}: ${reason}`)) ?? null });
    },
  }),
  route({
    id: "dnsmasq",
    tag: "boot",
    method: "GET",
    path: "/v1/dnsmasq",
    needs: "viewer",
    summary: "the dnsmasq configuration for the inventory",
    answers: { 200: z.strictObject({ text: z.string() }) },
    troubles: ["declared"],
    handle: async ({ desk }) => answer({ text: desk.netboot.dnsmasq() }),
  }),
];
