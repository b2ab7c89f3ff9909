import {
  createKubernetesCluster,
  credentialOf,
  type KubernetesCluster,
  type Permission,
  permissions,
} from "#adapters/cluster/kubernetes/mod.ts";
import type { NodeView } from "#adapters/cluster/port.ts";
import { systemClock } from "#events";
import type { Config } from "../schema.ts";
import { attended, broken, type Finding, failure, judgeClock, judgeExpiry, ok, warning } from "./check.ts";

/** The cluster as it was found. `nodes`: absent where it did not answer. */
export interface ClusterSeen {
  readonly findings: readonly Finding[];
  readonly nodes?: readonly NodeView[];
  /** Of the API server; else ours. */
  readonly now: number;
}

/** Looks at the cluster with the kubeconfig that Lightsout will use. */
export async function checkCluster(config: Config, scene: { withinMs: number; now: () => number }): Promise<ClusterSeen> {
  const { context, kubeconfig: file } = config.cluster ?? {};
  const now = scene.now();
  if (file === undefined) {
    const seen = "none is configured: nobody tells which machines are lost, and nothing is drained";
    return { findings: [warning("kubeconfig", seen, "Give cluster.kubeconfig, of the account in deploy/kubernetes/rbac.yaml")], now };
  }
  const kubeconfig = { file, ...(context !== undefined && { context }) };
  const nodeOf = new Map(config.machines.map(({ name, node }) => [name, node]));
  const machineOf = new Map(config.machines.map(({ name, node }) => [node, name]));
  let cluster: KubernetesCluster | undefined;
  try {
    cluster = createKubernetesCluster({
      kubeconfig,
      site: config.site,
      nodeOf: (machine) => nodeOf.get(machine) ?? machine,
      machineOf: (node) => machineOf.get(node),
      clock: systemClock,
    });
    const { expiresAt, kind } = credentialOf(kubeconfig);
    const renew = "Make a new kubeconfig for the account in deploy/kubernetes/rbac.yaml";
    const login =
      expiresAt === undefined
        ? ok("kubeconfig", `${file}: logs in with ${words[kind]}`)
        : judgeExpiry("kubeconfig", `${file}: its ${kind}`, expiresAt, now, renew);
    return await look(config, cluster, [login], scene);
  } catch (error) {
    return { findings: [broken("kubeconfig", error)], now };
  } finally {
    await cluster?.close();
  }
}

const words = {
  certificate: "a certificate",
  token: "a token",
  program: "a program or a token file of its own",
  password: "a password",
  none: "nothing",
};

async function look(
  config: Config,
  cluster: KubernetesCluster,
  login: Finding[],
  scene: { withinMs: number; now: () => number },
): Promise<ClusterSeen> {
  const version = await attended(scene.withinMs, (signal) => Promise.all([cluster.version(signal), cluster.now(signal)]));
  if ("error" in version) return { findings: [...login, broken("API", version.error)], now: scene.now() };
  const [tag, told] = version.found;
  const now = told ?? scene.now();
  const api = [ok("API", `Kubernetes ${tag} answers`), ...(told === undefined ? [] : [judgeClock("the API server", told, scene.now())])];
  const may = await attended(scene.withinMs, (signal) => checkPermissions(config, cluster, signal));
  const nodes = await attended(scene.withinMs, (signal) => cluster.nodes(signal));
  const rights = "found" in may ? may.found : broken("permissions", may.error);
  if ("error" in nodes) return { findings: [...login, ...api, rights, broken("Nodes", nodes.error)], now };
  return { findings: [...login, ...api, rights, strangers(nodes.found)], nodes: nodes.found, now };
}

async function checkPermissions({ serving, storage }: Config, cluster: KubernetesCluster, signal: AbortSignal): Promise<Finding> {
  const needed = permissions.filter(({ only }) =>
    only === "storage" ? storage !== "none" : only !== "approving" || serving === "approve",
  );
  const answers = await Promise.all(needed.map(async (one) => ({ one, may: await cluster.may(one, signal) })));
  const lacking = answers.filter(({ may }) => !may).map(({ one }) => spelled(one));
  if (lacking.length === 0) return ok("permissions", `all ${needed.length} that are needed are granted`);
  return failure(
    "permissions",
    `not granted: ${lacking.join(", ")}`,
    "Apply deploy/kubernetes/rbac.yaml, and use a kubeconfig of its account",
  );
}

const spelled = ({ group, resource, verb }: Permission) => `${verb} ${resource}${group === "" ? "" : `.${group}`}`;

function strangers(nodes: readonly NodeView[]): Finding {
  const foreign = nodes.filter(({ machine }) => machine === undefined).map(({ name }) => name);
  const seen = `${nodes.length} in the cluster`;
  return ok("Nodes", foreign.length === 0 ? `${seen}, all of machines here` : `${seen}; of no machine here: ${foreign.join(", ")}`);
}
