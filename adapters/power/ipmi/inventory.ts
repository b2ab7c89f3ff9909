import { getSystemGuid } from "./commands/app.ts";
import { areaLength, type Fru, fruAreas, getFruInfo, readFru, readFruData } from "./commands/fru.ts";
import { contradiction, type Expectation, readGuid } from "./identity.ts";
import type { Session } from "./session.ts";
import type { Talk } from "./talk.ts";

const chunk = 16;

/** Reads who the BMC says it is: GUID afresh each time, FRU once per session (it takes dozens of requests). */
export interface Inventory {
  uuids(talk: Talk): Promise<string[]>;
  fru(talk: Talk): Promise<Fru>;
  /** Throws `LO_BMC_IDENTITY`, effect none, when this BMC is another machine's. */
  check(talk: Talk): Promise<void>;
}

/** The inventory of one BMC, checked against `expect`. */
export function createInventory(expect: Expectation): Inventory {
  const read = new WeakMap<Session, Fru>();

  const inventory: Inventory = {
    async uuids(talk) {
      const guid = await talk.ask(getSystemGuid);
      return readGuid(guid.ok ? guid.value : talk.session.guid);
    },
    async fru(talk) {
      const fru = read.get(talk.session) ?? (await readWhole(talk));
      read.set(talk.session, fru);
      return fru;
    },
    async check(talk) {
      const serials = expect.serial === undefined ? [] : (await inventory.fru(talk)).serials;
      const uuids = expect.uuid === undefined ? [] : await inventory.uuids(talk);
      const why = contradiction(expect, uuids, { serials });
      if (why === undefined) return;
      throw talk.fail(
        "LO_BMC_IDENTITY",
        "none",
        `nothing was sent: ${why}`,
        "Correct the BMC address or the machine's identity in the inventory",
      );
    },
  };
  return inventory;
}

async function readWhole(talk: Talk): Promise<Fru> {
  const info = await talk.ask(getFruInfo);
  if (!info.ok || info.value.byWords) return { serials: [] };
  const { size } = info.value;
  const bytes = async (offset: number, length: number): Promise<Buffer> => {
    const parts: Buffer[] = [];
    const end = Math.min(offset + length, size);
    for (let at = offset; at < end; ) {
      const part = await talk.ask(readFruData(at, Math.min(chunk, end - at)));
      if (!part.ok) break;
      parts.push(part.value);
      at += part.value.length;
    }
    return Buffer.concat(parts).subarray(0, length);
  };
  const areas = fruAreas(await bytes(0, 8)) ?? {};
  const area = async (offset: number | undefined) => {
    if (offset === undefined) return undefined;
    const start = await bytes(offset, 8);
    return Buffer.concat([start, await bytes(offset + 8, Math.max(0, areaLength(start) - 8))]);
  };
  const chassis = await area(areas.chassis);
  const board = await area(areas.board);
  const product = await area(areas.product);
  return readFru({ ...(chassis && { chassis }), ...(board && { board }), ...(product && { product }) });
}
