import { UnsupportedError } from "#events";
import type { LogEntry } from "../port.ts";
import type { Client } from "./client.ts";
import { members, type Service } from "./discovery.ts";
import { at, type Fields, isFields, link, list, pathOf, text } from "./fields.ts";

/** Pages of one log read at most: enough for iDRAC's 50 a page and a limit in the hundreds. */
const mostPages = 20;

/** The newest `limit` entries of the log that tells of power, newest last. `LO_UNSUPPORTED` where the BMC links to no log. */
export async function readLog(machine: string, client: Client, service: Service, limit: number, signal?: AbortSignal): Promise<LogEntry[]> {
  const entries = await findEntries(client, service, signal);
  if (entries === undefined) throw new UnsupportedError(machine, "event-log", "the BMC links to no log");
  const found: Fields[] = [];
  const unread: string[] = [];
  const seen = new Set<string>();
  for (let page: string | undefined = entries; page !== undefined && !seen.has(page) && seen.size < mostPages; ) {
    seen.add(page);
    const { body }: { body: Fields } = await client.get(page, signal);
    for (const member of list(body, "Members")) {
      if (isFields(member) && text(member, "Message") !== undefined) found.push(member);
      else unread.push(...[link(member)].filter((path) => path !== undefined));
    }
    page = pathOf(at(body, "Members@odata.nextLink"));
  }
  // Members given as links only (iLO): ids count up, so the newest have the greatest numbers.
  const newest = unread.sort((a, b) => trailing(a) - trailing(b)).slice(-limit);
  for (const path of newest) found.push((await client.get(path, signal)).body);
  return limit > 0 ? inOrder(found).slice(-limit).map(entryOf) : [];
}

/**
 * Oldest first. Logs list themselves in either direction; dates sort them only where every entry has one, for a BMC that has
 * lost its clock writes its newest entries without.
 */
function inOrder(entries: readonly Fields[]): readonly Fields[] {
  const [first, last] = [entries[0] ?? {}, entries.at(-1) ?? {}];
  const dates = (dateOf(first) ?? "").localeCompare(dateOf(last) ?? "");
  const backwards =
    dateOf(first) && dateOf(last) && dates !== 0 ? dates > 0 : trailing(text(first, "Id") ?? "") > trailing(text(last, "Id") ?? "");
  const listed = backwards ? entries.toReversed() : entries;
  if (listed.some((entry) => dateOf(entry) === undefined)) return listed;
  return listed.toSorted((a, b) => (dateOf(a) ?? "").localeCompare(dateOf(b) ?? ""));
}

async function findEntries(client: Client, service: Service, signal?: AbortSignal): Promise<string | undefined> {
  const paths: string[] = [];
  for (const collection of service.logs) paths.push(...(await members(client, collection, signal)));
  const idOf = (path: string) => path.replace(/\/$/, "").split("/").at(-1)?.toLowerCase();
  const wanted = service.quirks.logs.flatMap((id) => paths.find((path) => idOf(path) === id.toLowerCase()) ?? []);
  const chosen = wanted[0] ?? paths[0];
  return chosen === undefined ? undefined : link((await client.get(chosen, signal)).body, "Entries");
}

function trailing(id: string): number {
  return Number(/(\d+)\/?$/.exec(id)?.[1] ?? 0);
}

/** ISO 8601; a BMC whose clock was never set dates its entries 1970 or 2000. */
function dateOf(entry: Fields): string | undefined {
  const ms = Date.parse(text(entry, "Created") ?? "");
  return Number.isNaN(ms) || ms < Date.UTC(2001, 0) ? undefined : new Date(ms).toISOString();
}

/** One `LogEntry` of Redfish in our words. */
export function entryOf(entry: Fields): LogEntry {
  const message = text(entry, "Message") ?? text(entry, "MessageId") ?? "";
  const severity = text(entry, "Severity")?.toLowerCase();
  const power = powerMeaning(`${text(entry, "MessageId") ?? ""} ${message}`);
  const at = dateOf(entry);
  return {
    ...(at ? { at } : {}),
    severity: severity === "ok" || severity === "warning" || severity === "critical" ? severity : "unknown",
    message: message.slice(0, 500),
    ...(power ? { power } : {}),
  };
}

/**
 * What a message says of the machine's power, or `undefined`. A lost input of one power supply is not lost power: the machine
 * may run on from the other.
 */
export function powerMeaning(message: string): LogEntry["power"] {
  if (/power ?(push ?)?button/i.test(message)) return "button";
  if (!/suppl|psu|redundan|\binput\b/i.test(message)) {
    if (/\b(ac|a\/c|mains|utility)[ _-]?(power)?[ _-]?(was |is |has been )?(lost|loss|fail)|power loss/i.test(message)) return "ac-lost";
    if (
      /\b(ac|a\/c|mains|utility)[ _-]?(power)?[ _-]?(was |is |has been )?(restor|return|appl|recover)|power restored to /i.test(message)
    ) {
      return "ac-restored";
    }
  }
  if (/(turn|power)(ed|ing)?[ -]?off|DCPowerOff|server power removed|soft[ -]?off/i.test(message)) return "turned-off";
  if (/(turn|power)(ed|ing)?[ -]?on\b|DCPowerOn\b|server power restored/i.test(message)) return "turned-on";
  return undefined;
}
