import { normaliseHost } from "#adapters/inventory/mod.ts";
import { isPlaceholderSerial, isPlaceholderUuid, uuidByteOrders } from "#events";
import { normaliseMac } from "./address.ts";
import { usualPort } from "./bmc.ts";
import type { Raw } from "./document.ts";
import type { Finding } from "./problem.ts";

const most = 100;

/** One thing that only one machine can have, and where it is written. */
interface Mark {
  readonly key: string;
  readonly what: string;
  readonly path: readonly (string | number)[];
}

/**
 * Machines that share what only one can have: a name, uuid (in any byte order), serial, MAC, Node, address, BMC or disk. Works on the
 * text as written, so that it finds them in a file with other problems too. Stops after about a hundred.
 *
 * @param lineOf the line of a place, to name the first one
 */
export function findDuplicates(machines: Raw, lineOf: (path: readonly (string | number)[]) => number): readonly Finding[] {
  if (!Array.isArray(machines)) return [];
  const first = new Map<string, { mark: Mark; machine: number }>();
  const found: Finding[] = [];
  for (const [index, machine] of machines.entries()) {
    if (found.length >= most) break;
    if (!isMap(machine)) continue;
    for (const mark of marks(machine, ["machines", index])) {
      const earlier = first.get(mark.key);
      if (!earlier) first.set(mark.key, { mark, machine: index });
      else if (found.at(-1)?.path.join() !== mark.path.join()) {
        const other = earlier.machine === index ? "this machine" : nameOf(machines[earlier.machine]);
        const message = `The same ${mark.what} is given for ${other} in line ${lineOf(earlier.mark.path)}`;
        found.push({ path: mark.path, message, fix: "Two machines cannot share it: correct or remove one of the two" });
      }
    }
  }
  return found;
}

function* marks(machine: { [key: string]: Raw }, path: readonly (string | number)[]): Generator<Mark> {
  const { name, uuid, serial, macs, node, address, bmc, talos } = machine;
  if (typeof name === "string") yield { key: `name ${name}`, what: "name", path: [...path, "name"] };
  const nodeName = node ?? name;
  if (typeof nodeName === "string") yield { key: `node ${nodeName}`, what: "Node", path: [...path, node === undefined ? "name" : "node"] };
  if (typeof uuid === "string" && !isPlaceholderUuid(uuid)) {
    for (const order of uuidByteOrders(uuid)) yield { key: `uuid ${order}`, what: "uuid", path: [...path, "uuid"] };
  }
  if (typeof serial === "string" && !isPlaceholderSerial(serial)) {
    yield { key: `serial ${serial.trim().toLowerCase()}`, what: "serial", path: [...path, "serial"] };
  }
  for (const [index, mac] of (Array.isArray(macs) ? macs : []).entries()) {
    const found = typeof mac === "string" ? normaliseMac(mac) : undefined;
    if (found) yield { key: `mac ${found}`, what: "MAC address", path: [...path, "macs", index] };
  }
  const host = typeof address === "string" ? normaliseHost(address.trim()) : undefined;
  if (host) yield { key: `address ${host}`, what: "address", path: [...path, "address"] };
  const controller = isMap(bmc) && typeof bmc.address === "string" ? normaliseHost(bmc.address.trim()) : undefined;
  if (isMap(bmc) && controller) {
    const plain = isMap(bmc.tls) && bmc.tls.plain === "true";
    const port = bmc.port ?? usualPort(String(bmc.kind), plain);
    yield { key: `bmc ${controller} ${port}`, what: "BMC address", path: [...path, "bmc", "address"] };
  }
  const disk = isMap(talos) && isMap(talos.disk) ? talos.disk : {};
  for (const [key, id] of Object.entries(disk)) {
    if (typeof id === "string") yield { key: `disk ${key} ${id.trim()}`, what: "disk", path: [...path, "talos", "disk", key] };
  }
}

const isMap = (raw: Raw): raw is { [key: string]: Raw } => typeof raw === "object" && !Array.isArray(raw);
const nameOf = (machine: Raw) => (isMap(machine) && typeof machine.name === "string" ? machine.name : "another machine");
