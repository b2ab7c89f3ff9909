import type { NodeView } from "#adapters/cluster/port.ts";
import type { MachineRow } from "#adapters/http/port.ts";
import type { Machine } from "#adapters/inventory/mod.ts";
import type { BmcIdentity } from "#adapters/power/port.ts";
import { explain, type Guard, isPlaceholderUuid, UnsupportedError } from "#events";
import { judgeIdentity, judgeNode, witnessesThatAgree } from "#functions/guards/mod.ts";
import { type Objection, objections } from "#functions/outlook.ts";
import { type Look, lookAt, type Sight } from "./look.ts";
import { createPins } from "./pins.ts";
import { drillOf, holdsOn, trustedNow } from "./standing.ts";

/** How a list of machines is made. */
export interface RackOptions extends Sight {
  /** The guards over what is looked at. */
  readonly guardsOver: (sight: Sight) => readonly Guard[];
  /** Whether `auto` rests on a passed drill. */
  readonly drills: boolean;
}

/** The rack as it is now: every machine with its live state, and what stands against acting on it. */
export async function readRack(options: RackOptions): Promise<MachineRow[]> {
  const look = await lookAt(options);
  const guards = options.guardsOver(look);
  return Promise.all(look.ports.inventory.machines().map((machine) => rowOf(machine, look, guards, options.drills)));
}

async function rowOf(machine: Machine, look: Look, guards: readonly Guard[], drills: boolean): Promise<MachineRow> {
  const { nodes, office } = look;
  const { bmc, gpus, name, node: nodeName, pool, role } = machine;
  const node = nodes?.find((item) => item.machine === name);
  const [ledger, holder, incident, trusted, seen, drill, holds, against] = await Promise.all([
    office.ledger.of(name),
    office.claims.holder(name),
    office.incidents.of(name),
    trustedNow(machine, look, drills),
    askBmc(machine, node, look),
    drillOf(machine, look),
    holdsOn(machine, look, nodes ? node : "silent"),
    objections(name, { guards, specs: office.specs }),
  ]);
  // After its BMC was asked: what was seen for the first time is pinned by now.
  const pinned = await createPins(office.store).get(name);
  return {
    name,
    role,
    pool,
    node: nodeName,
    ready: nodes === undefined ? "unknown (the API does not answer)" : (node?.ready ?? "no Node"),
    bmc: bmc ? `${bmc.kind} ${bmc.address}` : "none",
    ...seen,
    ...trusted,
    ...(drill && { drill }),
    gpus: gpus === 0 ? "" : `${node?.gpus.allocatable ?? "?"}/${gpus}`,
    ...(ledger.want && { want: ledger.want }),
    holds,
    ...(ledger.quarantine && { quarantine: ledger.quarantine.reason }),
    ...(incident?.state === "open" && { incident: incident.reason }),
    ...(holder && { run: holder.run }),
    ...(pinned && { pinned }),
    objections: [...ofBmc(machine, seen), ...(bmc ? against : against.filter(({ guard }) => guard !== "identity"))],
  };
}

type Seen = Pick<MachineRow, "powerState" | "power" | "identity" | "agree" | "identityDetail" | "witnesses" | "canProveOff">;

/** What its BMC is not able to do, whatever the guards say. */
function ofBmc({ bmc }: Machine, { canProveOff, power }: Seen): Objection[] {
  if (!bmc) {
    const reason = "it has no BMC: Lightsout watches it, and asks a person for the power";
    return [{ against: ["recovery", "off", "on"], guard: "bmc", says: "refuse", reason }];
  }
  if (canProveOff || power === noAnswer) return [];
  return [{ against: ["recovery"], guard: "bmc", says: "refuse", reason: "its BMC cannot prove off: nothing is fenced by it" }];
}

const noAnswer = "no answer";
const bmcMs = 8000;

async function askBmc(machine: Machine, node: NodeView | undefined, { ports }: Look): Promise<Seen> {
  const signal = AbortSignal.timeout(bmcMs);
  const power = ports.power.of(machine.name);
  const [state, identity, capabilities] = await Promise.allSettled([power.state(signal), power.identity(), power.capabilities(signal)]);
  const { reason: silence } = state.status === "rejected" ? state : { reason: undefined };
  const told = identity.status === "fulfilled" ? identity.value : undefined;
  return {
    powerState: state.status === "fulfilled" ? state.value.state : "unknown",
    power: state.status === "fulfilled" ? state.value.raw : silence instanceof UnsupportedError ? "no BMC" : noAnswer,
    ...(identity.status === "fulfilled" ? judged(machine, identity.value, node) : untold(machine, identity.reason, node)),
    agree: witnessesThatAgree(machine, told, node),
    witnesses: {
      ...said("inventory", machine.uuid, machine.serial),
      ...said("bmc", told?.uuids.find((uuid) => !isPlaceholderUuid(uuid)) ?? told?.uuids[0], told?.serial),
      ...said("node", node?.systemUUID, undefined),
    },
    canProveOff: state.status === "fulfilled" && capabilities.status === "fulfilled" && capabilities.value.has("prove-off"),
  };
}

type Identity = Pick<MachineRow, "identity" | "identityDetail">;

function judged(machine: Machine, bmc: BmcIdentity, node: NodeView | undefined): Identity {
  const { reason, says } = judgeIdentity(machine, bmc, node);
  const unproven = says === "ask" || reason.includes("cannot be proven");
  return { identity: says === "allow" ? "agrees" : unproven ? "cannot-tell" : "contradicts", identityDetail: reason };
}

function untold(machine: Machine, silence: unknown, node: NodeView | undefined): Identity {
  const { reason, says } = judgeNode(machine, node);
  if (says === "refuse") return { identity: "contradicts", identityDetail: reason };
  return { identity: "cannot-tell", identityDetail: silence instanceof UnsupportedError ? "no BMC to ask" : explain(silence) };
}

/** What one of the three says of the machine. */
function said(who: "inventory" | "bmc" | "node", uuid: string | undefined, serial: string | undefined): MachineRow["witnesses"] {
  const parts = [uuid && `uuid ${uuid}`, serial && `serial ${serial}`].filter(Boolean);
  return parts.length === 0 ? {} : { [who]: parts.join(", ") };
}
