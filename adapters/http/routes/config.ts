import { z } from "zod";
import { answer, type Route, route } from "../route.ts";
import { machineProblems } from "../schema/fleet.ts";

const machine = z.string();

/** What machines are declared to run. Secrets are in no answer; what else stands in a configuration is for those who may act. */
export const configRoutes: readonly Route[] = [
  route({
    id: "checkConfig",
    tag: "machines",
    method: "GET",
    path: "/v1/config/check",
    needs: "viewer",
    summary: "what is wrong with the machine configuration of every machine, or of one",
    query: z.strictObject({ machine: machine.min(1).optional() }),
    answers: { 200: z.strictObject({ machines: z.array(machineProblems) }) },
    troubles: ["machine", "declared"],
    handle: async ({ desk, query }) => answer({ machines: await desk.configs.problems(query.machine) }),
  }),
  route({
    id: "showConfig",
    tag: "machines",
    method: "GET",
    path: "/v1/machines/:name/config",
    needs: "operator",
    summary: "the machine configuration as it is declared, without its secrets",
    notes: "`(hidden)` stands where a secret is.",
    answers: { 200: z.strictObject({ machine, text: z.string().describe("YAML") }) },
    troubles: ["machine", "declared"],
    handle: async ({ desk, param }) => answer({ machine: param("name"), text: await desk.configs.show(param("name")) }),
  }),
  route({
    id: "diffConfig",
    tag: "machines",
    method: "GET",
    path: "/v1/machines/:name/config/diff",
    needs: "operator",
    summary: "where what runs on it is not what is declared, a line each; asks the machine",
    answers: { 200: z.strictObject({ machine, differences: z.array(z.string()) }) },
    troubles: ["machine", "declared", "talos"],
    handle: async ({ desk, param }) => answer({ machine: param("name"), differences: await desk.configs.diff(param("name")) }),
  }),
];
