import type { Desk } from "../port.ts";
import { answer, type Route } from "../route.ts";

/** What machines are declared to run. Secrets are in no answer; what else stands in a configuration is for those who may act. */
export const configRoutes = ({ configs }: Desk): readonly Route[] => [
  {
    method: "GET",
    path: "/v1/config/check",
    needs: "viewer",
    query: ["machine"],
    handle: async ({ query }) => answer({ machines: await configs.problems(query.machine) }),
  },
  {
    method: "GET",
    path: "/v1/machines/:name/config",
    needs: "operator",
    handle: async ({ param }) => answer({ machine: param("name"), text: await configs.show(param("name")) }),
  },
  {
    method: "GET",
    path: "/v1/machines/:name/config/diff",
    needs: "operator",
    handle: async ({ param }) => answer({ machine: param("name"), differences: await configs.diff(param("name")) }),
  },
];
