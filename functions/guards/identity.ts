import type { NodeView } from "#adapters/cluster/port.ts";
import type { Inventory, Machine } from "#adapters/inventory/port.ts";
import type { BmcIdentity, Powers } from "#adapters/power/port.ts";
import {
  type ActIntent,
  type ActVerb,
  DeviceError,
  type Guard,
  isPlaceholderSerial,
  isPlaceholderUuid,
  sameSerial,
  sameUuid,
  UnsupportedError,
} from "#events";
import { type Answer, allow, ask, disrupts, gentle, refuse } from "./verdict.ts";

/** What the three witnesses say together. `ask`: BMC and inventory agree, and nothing ties the Node to either. */
export function judgeIdentity(
  machine: Pick<Machine, "name" | "uuid" | "serial">,
  bmc: BmcIdentity,
  node: Pick<NodeView, "name" | "systemUUID"> | undefined,
): Answer {
  const { name, uuid, serial } = machine;
  const uuids = bmc.uuids.filter((item) => !isPlaceholderUuid(item));
  const bmcSerial = bmc.serial !== undefined && !isPlaceholderSerial(bmc.serial) ? bmc.serial : undefined;
  if (uuid !== undefined && uuids.length > 0 && !uuids.some((item) => sameUuid(item, uuid))) {
    return refuse(`the BMC says it is ${uuids[0]}, the inventory says ${name} is ${uuid}: this BMC belongs to another machine`);
  }
  if (serial !== undefined && bmcSerial !== undefined && !sameSerial(bmcSerial, serial)) {
    return refuse(`the BMC reports serial ${bmcSerial}, the inventory says ${serial}: this BMC belongs to another machine`);
  }
  const byUuid = uuid !== undefined && uuids.length > 0;
  const bySerial = serial !== undefined && bmcSerial !== undefined;
  if (!byUuid && !bySerial)
    return refuse(`who ${name} is cannot be proven: give its uuid or serial in the inventory, as the BMC reports it`);
  const two = `BMC and inventory agree by ${byUuid ? "uuid" : "serial"}`;
  if (!node) return allow(`${two}; there is no Node to ask`);
  if (isPlaceholderUuid(node.systemUUID)) return untied(node, name, `${two}, and it tells no usable uuid`);
  // Without a uuid in the inventory, the BMC's stands for the machine: its serial has tied it.
  const known = uuid === undefined ? uuids : [uuid];
  if (known.length === 0) return untied(node, name, `${two}, and neither knows a uuid to compare with its ${node.systemUUID}`);
  if (!known.some((item) => sameUuid(node.systemUUID, item))) {
    return refuse(`Node ${node.name} runs on ${node.systemUUID}, but ${name} is ${known[0]}: names are swapped`);
  }
  if (byUuid) return allow("BMC, Node and inventory agree by uuid");
  return allow(`${two}, Node and ${uuid === undefined ? "BMC" : "inventory"} by uuid`);
}

const untied = (node: Pick<NodeView, "name">, machine: string, why: string): Answer =>
  ask(`Node ${node.name} cannot be tied to ${machine}: ${why}`);

/** Who can say which machine it is. */
export type Witness = "inventory" | "BMC" | "Node";

/** Which of the three name the same machine, two at least; none where no two do. */
export function witnessesThatAgree(
  { uuid, serial }: Pick<Machine, "uuid" | "serial">,
  bmc: BmcIdentity | undefined,
  node: Pick<NodeView, "systemUUID"> | undefined,
): Witness[] {
  const sameAs = (known: string | undefined, told: readonly (string | undefined)[], same: typeof sameUuid) =>
    told.some((one) => known !== undefined && one !== undefined && same(one, known));
  const bySerial = sameAs(serial, [bmc?.serial], sameSerial);
  const pairs: readonly (readonly [boolean, readonly Witness[]])[] = [
    [sameAs(uuid, bmc?.uuids ?? [], sameUuid) || bySerial, ["inventory", "BMC"]],
    [sameAs(uuid, [node?.systemUUID], sameUuid), ["inventory", "Node"]],
    [sameAs(node?.systemUUID, bmc?.uuids ?? [], sameUuid), ["BMC", "Node"]],
  ];
  const agreeing = new Set(pairs.flatMap(([agree, pair]) => (agree ? pair : [])));
  return (["inventory", "BMC", "Node"] as const).filter((witness) => agreeing.has(witness));
}

/** Acts that do not go through the BMC: they must not wait for one that is silent or not there. What they go through looks for itself. */
const besideBmc: readonly ActVerb[] = ["cordon", "configure", "bootstrap"];

/**
 * Who the BMC says it is; `undefined` where it does not say and need not: for acts that do not touch the power, and for what is done on the
 * word of a person who stands before the machine.
 */
async function bmcIdentity(
  power: Powers,
  intent: ActIntent,
  attested: (machine: string) => Promise<boolean>,
): Promise<BmcIdentity | undefined> {
  try {
    return await power.of(intent.machine).identity();
  } catch (error) {
    const silent = error instanceof DeviceError || error instanceof UnsupportedError;
    if (silent && (besideBmc.includes(intent.verb) || gentle(intent) || (await attested(intent.machine)))) return undefined;
    throw error;
  }
}

/** Without a BMC to ask, the Node must still be this machine's. */
export function judgeNode({ name, uuid }: Pick<Machine, "name" | "uuid">, node: Pick<NodeView, "name" | "systemUUID"> | undefined): Answer {
  if (!node) return allow("there is no Node to ask, and no BMC answers");
  if (uuid === undefined) return untied(node, name, "no BMC answers, and the inventory gives no uuid");
  if (isPlaceholderUuid(node.systemUUID)) return untied(node, name, "no BMC answers, and it tells no usable uuid");
  if (!sameUuid(node.systemUUID, uuid))
    return refuse(`Node ${node.name} runs on ${node.systemUUID}, but ${name} is ${uuid}: names are swapped`);
  return allow("Node and inventory agree by uuid; no BMC answers");
}

/** The uuid that the BMC reports, the Node's systemUUID and the inventory must agree. Where the Node proves nothing, a person decides. */
export function identityGuard(options: {
  inventory: Inventory;
  power: Powers;
  node: (machine: string) => Promise<NodeView | undefined>;
  /** Somebody stands before the machine and vouches for it. */
  attested: (machine: string) => Promise<boolean>;
}): Guard {
  return {
    name: "identity",
    async check(intent) {
      const machine = options.inventory.machine(intent.machine);
      const twin = options.inventory.machines().find((other) => {
        return other.name !== machine.name && other.uuid !== undefined && machine.uuid !== undefined && sameUuid(other.uuid, machine.uuid);
      });
      if (twin) return refuse(`${twin.name} has the same uuid in the inventory: neither can be told from the other`);
      const bmc = await bmcIdentity(options.power, intent, options.attested);
      // Bringing back what is off must work with the cluster down, and before there is one: then two witnesses have to do.
      const node = await options.node(intent.machine).catch((error: unknown) => {
        if (!disrupts(intent)) return undefined;
        throw error;
      });
      return settled(bmc ? judgeIdentity(machine, bmc, node) : judgeNode(machine, node), intent);
    },
  };
}

/** Bringing back what is off needs no Node, and what a person has agreed to is not asked again. */
function settled(answer: Answer, intent: ActIntent): Answer {
  if (answer.says !== "ask") return answer;
  if (!disrupts(intent)) return allow(answer.reason);
  return intent.approved.has("identity") ? allow(`${answer.reason}; a person agreed`) : answer;
}
