import { isPlaceholderSerial, isPlaceholderUuid, normaliseUuid, sameUuid, uuidByteOrders } from "#events";
import type { Bootable } from "./port.ts";

/** What a machine says about itself when it asks for its script: every value of each key, as it came. */
export interface Seen {
  readonly uuids: readonly string[];
  readonly serials: readonly string[];
  readonly macs: readonly string[];
}

/** The one machine it is, or why it is none. */
export type Found = { readonly machine: Bootable } | { readonly machine?: undefined; readonly why: string };

interface Index {
  readonly of: readonly Bootable[];
  readonly uuids: ReadonlyMap<string, ReadonlySet<Bootable>>;
  readonly serials: ReadonlyMap<string, ReadonlySet<Bootable>>;
  readonly macs: ReadonlyMap<string, ReadonlySet<Bootable>>;
}

/**
 * Tells machines apart by uuid (in any known byte order), serial and MAC. A machine is found when at least one of them names it and
 * nothing it said names another or contradicts the inventory; placeholders say nothing. Every doubt finds no machine.
 */
export function createIdentifier(machines: () => readonly Bootable[]): (seen: Seen) => Found {
  let index: Index | undefined;
  return (seen) => {
    const all = machines();
    if (index?.of !== all) index = indexOf(all);
    return find(index, seen);
  };
}

function find(index: Index, seen: Seen): Found {
  const uuids = distinct(seen.uuids.filter((one) => !isPlaceholderUuid(one)).map((one) => normaliseUuid(one) ?? ""));
  const serials = distinct(seen.serials.filter((one) => !isPlaceholderSerial(one)).map(spelled));
  const macs = distinct(seen.macs.map(normaliseMac).filter((one) => one !== undefined));
  if (uuids.length > 1 || serials.length > 1) return { why: "it gives more than one uuid or serial" };
  const named = [
    ...uuids.map((one) => index.uuids.get(one)),
    ...serials.map((one) => index.serials.get(one)),
    ...macs.map((one) => index.macs.get(one)),
  ].filter((one) => one !== undefined);
  const found = new Set(named.flatMap((set) => [...set]));
  const [machine] = found;
  if (!machine) return { why: "no machine of the inventory has its uuid, serial or MAC" };
  if (found.size > 1) return { why: `it could be ${list([...found])}` };
  const { name } = machine;
  const uuid = machine.uuid === undefined || isPlaceholderUuid(machine.uuid) ? undefined : machine.uuid;
  if (uuid !== undefined && uuids.some((one) => !sameUuid(one, uuid))) return { why: `${name} has another uuid` };
  const serial = machine.serial === undefined || isPlaceholderSerial(machine.serial) ? undefined : spelled(machine.serial);
  if (serial !== undefined && serials.some((one) => one !== serial)) return { why: `${name} has another serial` };
  const own = machine.macs.map(normaliseMac);
  if (own.length > 0 && macs.some((one) => !own.includes(one))) return { why: `${name} has no such MAC in the inventory` };
  return { machine };
}

function indexOf(machines: readonly Bootable[]): Index {
  const uuids = new Map<string, Set<Bootable>>();
  const serials = new Map<string, Set<Bootable>>();
  const macs = new Map<string, Set<Bootable>>();
  for (const machine of machines) {
    const { uuid, serial } = machine;
    if (uuid !== undefined && !isPlaceholderUuid(uuid)) for (const order of uuidByteOrders(uuid)) put(uuids, order, machine);
    if (serial !== undefined && !isPlaceholderSerial(serial)) put(serials, spelled(serial), machine);
    for (const mac of machine.macs) put(macs, normaliseMac(mac), machine);
  }
  return { of: machines, uuids, serials, macs };
}

function put(map: Map<string, Set<Bootable>>, key: string | undefined, machine: Bootable): void {
  if (key === undefined) return;
  const set = map.get(key);
  if (set) set.add(machine);
  else map.set(key, new Set([machine]));
}

/** A card's own address as lower-case pairs with colons; iPXE also writes dashes or nothing between them. Zero and multicast are none. */
export function normaliseMac(text: string): string | undefined {
  const hex = /^[0-9a-f]{2}(([:-]?)[0-9a-f]{2})(\2[0-9a-f]{2}){4}$/.test(text.toLowerCase()) ? text.toLowerCase().replace(/[:-]/g, "") : "";
  if (hex === "" || /^0+$/.test(hex) || Number.parseInt(hex.slice(0, 2), 16) % 2 === 1) return undefined;
  return hex.replace(/(..)(?=.)/g, "$1:");
}

/** As `sameSerial` compares, and with `+` as a space: older iPXE undoes its own encoding, and a query then reads one as the other. */
const spelled = (serial: string) => serial.replaceAll("+", " ").trim().toLowerCase();
const distinct = <T>(values: readonly T[]): T[] => [...new Set(values)];
const list = (machines: readonly Bootable[]) => {
  const names = machines.map(({ name }) => name).sort();
  return names.length > 4 ? `any of ${names.length} machines` : names.join(" or ");
};
