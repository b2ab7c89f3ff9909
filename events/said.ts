import type { LedgerEntry } from "./ledger.ts";

/** What somebody said a machine should be. */
export interface Said {
  /** Absent: no one has said. */
  readonly want?: "on" | "off";
  readonly why?: string;
  readonly by?: string;
  readonly since?: string;
  /** The event that said so. */
  readonly event?: string;
  /** What stood before, while the run of `event` is under way: it stands again when that run ends without having done anything. */
  readonly before?: Said;
}

/** The entry with a new word. With `revocable`, what stood before is kept, for `unsay`. The same event said twice is one word. */
export function say(entry: LedgerEntry, word: Said & { readonly event: string }, revocable: boolean): LedgerEntry {
  const [rest, said] = apart(entry);
  return { ...rest, ...word, ...(revocable ? { before: without(said, word.event, said.before ?? {}) } : {}) };
}

/** The entry as if the event had never been said: what stood before stands again, unless something was said since. */
export function unsay(entry: LedgerEntry, event: string): LedgerEntry {
  const [rest, said] = apart(entry);
  return { ...rest, ...without(said, event, said.before) };
}

/** The entry with the event's word for good: what stood before it is forgotten. */
export function keep(entry: LedgerEntry, event: string): LedgerEntry {
  const [rest, said] = apart(entry);
  return { ...rest, ...settled(said, event) };
}

/** Whether the entry still remembers what stood before the event. */
export const isRevocable = (said: Said, event: string): boolean =>
  said.before !== undefined && (said.event === event || isRevocable(said.before, event));

function apart(entry: LedgerEntry): [Omit<LedgerEntry, keyof Said>, Said] {
  const { want, why, by, since, event, before, ...rest } = entry;
  const said = { want, why, by, since, event, before };
  return [rest, Object.fromEntries(Object.entries(said).filter(([, value]) => value !== undefined))];
}

function without(said: Said, event: string, instead: Said | undefined): Said {
  if (said.event === event && instead) return instead;
  return said.before ? { ...said, before: without(said.before, event, said.before.before) } : said;
}

function settled({ before, ...said }: Said, event: string): Said {
  return before === undefined || said.event === event ? said : { ...said, before: settled(before, event) };
}
