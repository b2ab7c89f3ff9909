import { firstRecord, getSelEntry, getSelInfo, lastRecord, type SelRecord } from "./commands/sel.ts";
import { completionText, noSuchRecord } from "./completion.ts";
import type { Talk } from "./talk.ts";

const most = 4096;

/**
 * The newest `limit` records, oldest of them first. Goes back from the last by record id; where ids have gaps, walks the whole
 * log once.
 */
export async function readNewest(talk: Talk, limit: number): Promise<SelRecord[]> {
  const { entries } = await talk.need(getSelInfo);
  if (entries === 0 || limit <= 0) return [];
  const newest = await get(talk, lastRecord);
  if (!newest) return [];
  const wanted = Math.min(limit, entries);
  const found = [newest];
  for (let id = newest.id - 1; found.length < wanted; id -= 1) {
    const record = id > 0 ? await get(talk, id) : undefined;
    if (record?.id !== id) return walk(talk, limit);
    found.unshift(record);
  }
  return found;
}

async function walk(talk: Talk, limit: number): Promise<SelRecord[]> {
  const found: SelRecord[] = [];
  const seen = new Set<number>();
  for (let id = firstRecord; !seen.has(id) && seen.size < most; ) {
    seen.add(id);
    const record = await get(talk, id);
    if (!record) break;
    found.push(record);
    if (record.next === lastRecord) break;
    id = record.next;
  }
  return found.slice(-limit);
}

async function get(talk: Talk, id: number): Promise<SelRecord | undefined> {
  const reply = await talk.ask(getSelEntry(id));
  if (reply.ok) return reply.value;
  if (reply.completion === noSuchRecord) return undefined;
  throw talk.fail("LO_BMC_REFUSED", "none", `Get SEL Entry: ${completionText(reply.completion)}`);
}
