import type { Guard, Office, Runs } from "#events";
import type { Ports } from "../define.ts";
import { againGuard } from "./again.ts";
import { budgetGuard } from "./budget.ts";
import { drillLapsed } from "./drill.ts";
import { freezeGuard, holdGuard, ledgerGuard } from "./holds.ts";
import { identityGuard } from "./identity.ts";
import { lostGuard } from "./lost.ts";
import { petGuard, repeatGuard, selfProtectionGuard } from "./machine.ts";
import { quorumGuard } from "./quorum.ts";
import { type StormLimits, stormGuard } from "./storm.ts";
import { trustGuard } from "./trust.ts";

export { drillLapsed } from "./drill.ts";
export { holdOn, holdText } from "./holds.ts";
export { judgeIdentity, judgeNode, witnessesThatAgree } from "./identity.ts";
export { heldAsLastSeen, heldByNode } from "./node-hold.ts";
export type { StormLimits } from "./storm.ts";
export { trustNow } from "./trust.ts";

/** Every guard, in the order people read them. All are asked before every act; those that reserve last. */
export function createGuards(options: {
  office: Office;
  runs: Runs;
  ports: Ports;
  stopFile: () => string | undefined;
  storm: StormLimits;
  /** Whether `auto` rests on a drill. Default false: in the lab everything acts from the start. */
  drills?: boolean;
}): Guard[] {
  const { office, runs, ports } = options;
  const { settings, incidents, reservations, clock } = office;
  const now = () => clock.now();
  const node = (machine: string) => ports.cluster.node(machine);
  const incident = (machine: string) => incidents.of(machine);
  return [
    freezeGuard({ stopFile: options.stopFile, settings }),
    holdGuard({ settings, inventory: ports.inventory, now, node }),
    ledgerGuard((machine) => office.ledger.of(machine)),
    trustGuard({
      settings,
      inventory: ports.inventory,
      lapsed: options.drills ? (machine) => drillLapsed(machine, settings, ports) : undefined,
    }),
    selfProtectionGuard(ports.inventory),
    identityGuard({
      inventory: ports.inventory,
      power: ports.power,
      node,
      attested: async (machine) => (await settings.attestation(machine, now())) !== undefined,
    }),
    lostGuard(ports, incident),
    againGuard({ incident, runs, store: office.store }),
    stormGuard({ inventory: ports.inventory, incidents: () => incidents.all(), now, limits: options.storm }),
    petGuard({ inventory: ports.inventory, pods: (machine) => ports.cluster.pods(machine) }),
    repeatGuard({ incidents: () => incidents.all(), now }),
    budgetGuard({ reservations, now }),
    // The last to reserve: nothing that waits for a budget may keep the one slot from others.
    quorumGuard({ inventory: ports.inventory, talos: ports.talos, node, reservations, runs, now }),
  ];
}
