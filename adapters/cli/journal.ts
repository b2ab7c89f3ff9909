import type { Trusted } from "#adapters/http/port.ts";
import { type Entry, humanDuration, type RunSummary, type Verdict } from "#events";
import { paint } from "./text.ts";

/** A time of day in UTC, with the date where it is not the day of `now`. */
export function timeText(at: number, now: number): string {
  const text = new Date(at).toISOString();
  const today = text.slice(0, 10) === new Date(now).toISOString().slice(0, 10);
  return today ? `${text.slice(11, 19)}Z` : `${text.slice(0, 10)} ${text.slice(11, 19)}Z`;
}

const most = 120;
const short = (text: string): string =>
  text.length <= most
    ? text
    : `${text
        .slice(0, most - 1)
        .toWellFormed()
        .replace(/\ufffd$/, "")}…`;
/** What a step found, where it found anything. */
const resultText = (result: unknown): string => (result === undefined || result === null ? "" : `: ${short(JSON.stringify(result))}`);
/** A step and what is said of it; many waits are their own reason. */
const stepText = (step: string, said: string): string =>
  said === step || said.startsWith(`${step}:`) || said === "" ? said || step : `${step}: ${said}`;
const good = (text: string) => paint("green", text);
const bad = (text: string) => paint("red", text);
const heed = (text: string) => paint("yellow", text);

/** A guard's answer as a line. */
export const verdictText = ({ guard, says, reason }: Verdict): string => `${guard}: ${says === "allow" ? says : heed(says)} (${reason})`;

/** Trust in force, and why it is less than what was set, if it is. */
export const trustLine = ({ trust, trustInForce, trustWhy }: Trusted): string =>
  trust === trustInForce ? trust : `${trustInForce}: ${trust} is set, but ${trustWhy}`;

/** One journal entry as a line of progress. */
export const entryLine = (entry: Entry, now: number): string => `${paint("dim", timeText(entry.at, now))}  ${entryText(entry)}`;

function entryText(entry: Entry): string {
  switch (entry.is) {
    case "started":
      return `started: ${entry.function} for ${entry.key}, because of ${entry.event.type}`;
    case "fenced":
      return `taken over from ${entry.victim}`;
    case "inherited":
      return `inherits from ${entry.from}: ${entry.obligations.map(({ kind }) => kind).join(", ") || "nothing"}`;
    case "done":
      return `${good("done")}  ${entry.step}${resultText(entry.result)}`;
    case "failed":
      return `${bad("failed")}  ${entry.step} (attempt ${entry.attempt}): ${entry.error}`;
    case "waiting":
      return `waits  ${stepText(entry.step, entry.reason)}${entry.until === undefined ? "" : `, at most ${humanDuration(Math.max(0, entry.until - entry.at))}`}`;
    case "obliged":
      return `has set ${entry.obligation.kind} on ${entry.obligation.machine} (by hand it is undone with: ${entry.obligation.undo})`;
    case "cleared":
      return `has taken back ${entry.kind}`;
    case "intent":
      return `${paint("bold", "acts")}  ${entry.step}: ${entry.verb} ${entry.machine} (before: ${entry.before})`;
    case "resumed":
      return `resumed; looks what became of  ${entry.step}`;
    case "outcome":
      return `${entry.result === "cannot-tell" ? heed(entry.result) : good(entry.result)}  ${stepText(entry.step, entry.seen)}`;
    case "judged":
      return `guards  ${entry.step}: ${entry.verdicts.map(verdictText).join("; ") || "none"}`;
    case "asked":
      return `${heed("asks")}  ${stepText(entry.step, entry.ask)}`;
    case "decided":
      return `${entry.approved ? good("approved") : bad("refused")} by ${entry.who}${entry.note === undefined ? "" : `: ${entry.note}`}`;
    case "parked":
      return `${heed("parked")}  ${stepText(entry.step, entry.reason)}`;
    case "word":
      return `${entry.who} says of ${entry.step}: ${entry.word}`;
    case "finished":
      return `${entry.status === "ok" ? good("finished ok") : bad(`finished ${entry.status}`)}${entry.reason === undefined ? "" : `: ${entry.reason}`}`;
  }
}

/** What a run waits for a person to say, if it does: a decision on its newest question, or what became of an act. */
export function waitsFor(journal: readonly Entry[]): Extract<Entry, { is: "asked" | "parked" }> | undefined {
  const last = journal.findLast((entry) => ["asked", "decided", "parked", "word", "finished"].includes(entry.is));
  return last?.is === "asked" || last?.is === "parked" ? last : undefined;
}

/** What a person does next about a run that waits for one. */
export function nextLines(run: string, waiting: Extract<Entry, { is: "asked" | "parked" }>): string[] {
  if (waiting.is === "asked") {
    return [`It asks ${waiting.from}: ${waiting.ask}`, `Decide with: lightsout approve ${run}   (or: lightsout approve ${run} --refuse)`];
  }
  return [
    `It cannot know what became of "${waiting.step}": ${waiting.reason}`,
    ...waiting.undo.map((command) => `  By hand it is undone with: ${command}`),
    `Look at the machine, then say: lightsout resume ${run} happened|did-not-happen|abandon`,
  ];
}

/** A run in one line. */
export function summaryLine(run: RunSummary): string {
  const reason = run.reason === run.step || run.reason === run.status ? "" : ` (${run.reason})`;
  return `${run.run}  ${run.function} for ${run.key}: ${run.status}${run.step === undefined ? "" : ` at "${run.step}"`}${reason}`;
}
