import { z } from "zod";
import { fields } from "../body.ts";
import type { Desk } from "../port.ts";
import { answer, type Route } from "../route.ts";

const reason = z.strictObject({ reason: z.string().optional() });

/** What machines may load from the network. Arms are made by runs alone; a person can take one back. */
export const netbootRoutes = ({ netboot }: Desk): readonly Route[] => [
  { method: "GET", path: "/v1/arms", needs: "viewer", handle: async () => answer({ arms: await netboot.arms() }) },
  {
    method: "DELETE",
    path: "/v1/arms/:name",
    needs: "operator",
    async handle(ask) {
      const { reason: why = "no reason given" } = fields(reason, await ask.json());
      return answer({ arm: (await netboot.disarm(ask.param("name"), `${ask.who.name}: ${why}`)) ?? null });
    },
  },
  { method: "GET", path: "/v1/dnsmasq", needs: "viewer", handle: async () => answer({ text: netboot.dnsmasq() }) },
];
