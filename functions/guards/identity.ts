import type { NodeView } from "#adapters/cluster/port.ts";
import type { Inventory, Machine } from "#adapters/inventory/port.ts";
import type { BmcIdentity, Powers } from "#adapters/power/port.ts";
import {
  type ActIntent,
  DeviceError,
  type Guard,
  isPlaceholderSerial,
  isPlaceholderUuid,
  sameSerial,
  sameUuid,
  UnsupportedError,
} from "#events";
import { type Answer, allow, refuse } from "./verdict.ts";

/** What the three witnesses say together. */
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
  if (node && !isPlaceholderUuid(node.systemUUID)) {
    const expected = uuid ?? uuids[0];
    if (expected !== undefined && !sameUuid(node.systemUUID, expected)) {
      return refuse(`Node ${node.name} runs on ${node.systemUUID}, but ${name} is ${expected}: names are swapped`);
    }
    return allow("BMC, Node and inventory agree");
  }
  return allow(
    `BMC and inventory agree by ${byUuid ? "uuid" : "serial"}; ${node ? "the Node tells no usable uuid" : "there is no Node to ask"}`,
  );
}

/** Who the BMC says it is. A cordon touches the Node alone: it must not wait for a BMC that is silent or not there. */
async function bmcIdentity(power: Powers, { machine, verb }: ActIntent): Promise<BmcIdentity | undefined> {
  try {
    return await power.of(machine).identity();
  } catch (error) {
    if (verb === "cordon" && (error instanceof DeviceError || error instanceof UnsupportedError)) return undefined;
    throw error;
  }
}

/** Without a BMC to ask, the Node must still be this machine's. */
function judgeNode({ name, uuid }: Pick<Machine, "name" | "uuid">, node: Pick<NodeView, "name" | "systemUUID"> | undefined): Answer {
  const told = node !== undefined && uuid !== undefined && !isPlaceholderUuid(node.systemUUID);
  if (told && !sameUuid(node.systemUUID, uuid))
    return refuse(`Node ${node.name} runs on ${node.systemUUID}, but ${name} is ${uuid}: names are swapped`);
  return allow(told ? "Node and inventory agree" : "the Node tells nothing else");
}

/** The uuid that the BMC reports, the Node's systemUUID and the inventory must agree. */
export function identityGuard(options: {
  inventory: Inventory;
  power: Powers;
  node: (machine: string) => Promise<NodeView | undefined>;
}): Guard {
  return {
    name: "identity",
    async check(intent) {
      const machine = options.inventory.machine(intent.machine);
      const twin = options.inventory.machines().find((other) => {
        return other.name !== machine.name && other.uuid !== undefined && machine.uuid !== undefined && sameUuid(other.uuid, machine.uuid);
      });
      if (twin) return refuse(`${twin.name} has the same uuid in the inventory: neither can be told from the other`);
      const bmc = await bmcIdentity(options.power, intent);
      if (!bmc) return judgeNode(machine, await options.node(intent.machine));
      // Bringing back what is off must work with the cluster down: then two witnesses have to do.
      const node = await options.node(intent.machine).catch((error: unknown) => {
        if (intent.verb === "power-on") return undefined;
        throw error;
      });
      return judgeIdentity(machine, bmc, node);
    },
  };
}
