import type { PodView } from "#adapters/cluster/port.ts";
import type { Inventory } from "#adapters/inventory/port.ts";
import type { Guard } from "#events";
import { allow, ask, byOperator, disrupts, refuse } from "./verdict.ts";

/** Never powers a machine that carries the event store or this process, unless the request names it again. */
export function selfProtectionGuard(inventory: Inventory): Guard {
  return {
    name: "self-protection",
    async check(intent) {
      if (!inventory.machine(intent.machine).carriesLightsout || !disrupts(intent)) return allow("carries nothing of ours");
      const { confirm } = intent.event.data as { confirm?: string };
      if (confirm === intent.machine && byOperator(intent) !== undefined)
        return allow("named by the operator although it carries Lightsout");
      return refuse(`it carries Lightsout or its event store. If you mean it: --confirm ${intent.machine}`);
    },
  };
}

/** Pets, by declaration or by what runs on them: a person decides. */
export function petGuard(options: { inventory: Inventory; pods: (machine: string) => Promise<readonly PodView[]> }): Guard {
  return {
    name: "pet",
    async check(intent) {
      if (!disrupts(intent) || intent.approved.has("pet")) return allow("no disruption, or a person agreed");
      if (options.inventory.machine(intent.machine).pet) return ask(`${intent.machine} is declared a pet`);
      if (byOperator(intent) !== undefined) return allow("a person asked for it");
      const pets = (await options.pods(intent.machine)).filter((pod) => pod.irreplaceable === "pet");
      if (pets.length === 0) return allow("no pets on it");
      return ask(`Pets run on ${intent.machine}: ${pets.map((pod) => `${pod.namespace}/${pod.name}`).join(", ")}`);
    },
  };
}

/** The same workload on two lost hosts within a day: it may be what kills them. */
export function repeatGuard(options: {
  incidents: () => Promise<readonly { machine: string; openedAt: number; workloads?: readonly string[] }[]>;
  now: () => number;
}): Guard {
  const dayMs = 86_400_000;
  return {
    name: "repeat",
    async check(intent) {
      if (!intent.function.recovery || !intent.first || intent.approved.has("repeat")) return allow("not a first act of recovery");
      const recent = (await options.incidents()).filter((incident) => incident.openedAt > options.now() - dayMs);
      const mine = recent.find((incident) => incident.machine === intent.machine);
      for (const other of recent) {
        const shared = other === mine ? [] : (mine?.workloads ?? []).filter((workload) => other.workloads?.includes(workload));
        if (shared.length > 0)
          return ask(`${shared.join(", ")} ran on ${other.machine} too when it was lost within a day: it may be the cause`);
      }
      return allow("no workload in common with another lost machine");
    },
  };
}
