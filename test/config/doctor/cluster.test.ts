import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parse, parseAllDocuments } from "yaml";
import { permissions } from "#adapters/cluster/kubernetes/mod.ts";
import { complaints, examine, one } from "./examined.ts";

test("what is asked for is what deploy/kubernetes/rbac.yaml grants, and nothing else", () => {
  const text = readFileSync(new URL("../../../deploy/kubernetes/rbac.yaml", import.meta.url), "utf8");
  const role = parseAllDocuments(text)
    .map((document) => document.toJS() as { kind: string; rules?: Rule[] })
    .find(({ kind }) => kind === "ClusterRole");
  interface Rule {
    readonly apiGroups: string[];
    readonly resources: string[];
    readonly resourceNames?: string[];
    readonly verbs: string[];
  }
  const granted = (role?.rules ?? []).flatMap(({ apiGroups, resourceNames = [""], resources, verbs }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) => resourceNames.flatMap((name) => verbs.map((verb) => `${verb} ${group}/${resource} ${name}`))),
    ),
  );
  expect(permissions.map(({ group, name = "", resource, verb }) => `${verb} ${group}/${resource} ${name}`).toSorted()).toEqual(
    granted.toSorted(),
  );
});

test("rights that are missing are named", async () => {
  const { ask, rack } = await examine();
  rack.kube.deny("patch", "nodes");
  rack.kube.deny("create", "pods/eviction");
  expect(complaints(await ask())).toEqual(["failure cluster/permissions: not granted: patch nodes, create pods/eviction"]);
});

test("an API that does not answer, and a kubeconfig that is not there", async () => {
  const { ask, rack, write } = await examine();
  await rack.kube.mode("refused");
  expect(one(await ask(), "cluster", "API")).toMatchObject({ result: "failure", seen: expect.stringContaining("ECONNREFUSED") });
  await rack.kube.mode("ok");
  write({ more: { cluster: { kubeconfig: "./nowhere" } } });
  expect(complaints(await ask()).join()).toContain("nowhere");
  expect(one(await ask(), "cp-01", "BMC").result).toBe("ok");
});

test("a Node that runs on another machine, and one that has another name", async () => {
  const { ask, rack, write } = await examine();
  const other = "11111111-2222-4333-8444-555555555555";
  const named = (yaml: string) => yaml.replace("name: gpu-01\n", "name: gpu-01\n    node: gpu-1\n");
  write({ edit: (yaml) => named(yaml).replace(rack.host("worker-01").identity.uuid, other) });
  const checks = await ask();
  expect(one(checks, "gpu-01", "Node")).toMatchObject({ result: "warning", seen: "the cluster has no Node gpu-1" });
  expect(one(checks, "cluster", "Nodes").seen).toContain("of no machine here: gpu-01");
  expect(one(checks, "worker-01", "Node")).toMatchObject({ result: "failure", seen: expect.stringContaining("names are swapped") });
  expect(one(checks, "worker-01", "Talos")).toMatchObject({
    result: "failure",
    seen: expect.stringContaining(`the inventory says ${other}`),
  });
});

test("a kubeconfig whose certificate or token ends soon", async () => {
  const { ask, folder, rack } = await examine();
  const config = parse(rack.kube.kubeconfig) as { users: { user: Record<string, unknown> }[] };
  const [user] = config.users;
  const seconds = Math.floor(Date.now() / 1000);
  const token = (exp: number) => `h.${Buffer.from(JSON.stringify({ exp })).toString("base64url")}.s`;
  for (const [exp, result] of [
    [seconds + 86_400, "warning"],
    [seconds - 10, "failure"],
  ] as const) {
    if (user) user.user = { token: token(exp) };
    writeFileSync(join(folder, "kubeconfig"), JSON.stringify(config));
    expect(one(await ask(), "cluster", "kubeconfig").result).toBe(result);
  }
});

test("a talosconfig that may only read, one that expired, and machines that do not answer", async () => {
  const { ask, folder, rack } = await examine();
  const keep = (text: string) => writeFileSync(join(folder, "talosconfig"), text);
  keep(rack.authority.talosconfig(["os:reader"]));
  expect(complaints(await ask())).toEqual(["warning talos/role: os:reader: machines can be read, not changed"]);
  keep(rack.authority.talosconfig(["os:admin"], { days: [-10, -1] }));
  expect(one(await ask(), "talos", "talosconfig")).toMatchObject({ result: "failure", seen: expect.stringContaining("expired on") });
  keep(rack.talosconfig);
  rack.host("gpu-01").faults.hang = true;
  expect(one(await ask(), "gpu-01", "Talos").result).toBe("warning");
});
