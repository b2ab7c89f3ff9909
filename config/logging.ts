import { styleText } from "node:util";
import { pino } from "pino";
import type { Fact, RunName, RuntimeLog } from "#events";

/** A journal entry as one line for a person; `undefined` for what only machines need. */
function tell(fact: Fact): string | undefined {
  switch (fact.is) {
    case "started":
      return `${fact.event.type} received: run begins`;
    case "done":
      return `${styleText("green", "✔")} ${fact.step}`;
    case "waiting":
      return `… ${fact.paused ? fact.reason : fact.step}`;
    case "intent":
      return `${styleText("yellow", "→")} ${fact.verb} (guards: ${fact.verdicts.length === 0 ? "none" : fact.verdicts.every((verdict) => verdict.says === "allow") ? `all ${fact.verdicts.length} allow` : "not all allow"})`;
    case "outcome":
      return `${fact.result === "done" || fact.result === "already" ? styleText("green", "✔") : styleText("red", "✘")} ${fact.step}: ${fact.result}, ${fact.seen}`;
    case "failed":
      return `${styleText("yellow", "!")} ${fact.step}: ${fact.error}`;
    case "asked":
      return `${styleText("cyan", "?")} ${fact.ask}`;
    case "decided":
      return `${fact.approved ? "approved" : "refused"} by ${fact.who}`;
    case "judged":
      return fact.verdicts
        .filter((verdict) => verdict.says !== "allow")
        .map((verdict) => `${verdict.guard} says ${verdict.says}: ${verdict.reason}`)
        .join("; ");
    case "parked":
      return `${styleText("red", "parked")}: ${fact.reason}`;
    case "finished":
      return `finished ${fact.status}${fact.reason ? `: ${fact.reason}` : ""}`;
    case "fenced":
      return "taken over from a worker that is gone";
    default:
      return undefined;
  }
}

/** Prints what happens as it happens, for a person at a terminal. */
export function terminalLog(out: (line: string) => void): RuntimeLog {
  return {
    fact({ function: functionId, key }: RunName, fact: Fact) {
      const line = tell(fact);
      if (line !== undefined) out(`${styleText("bold", key)} ${functionId}: ${line}`);
    },
    note(level, message) {
      out(`${level === "info" ? "" : `${styleText(level === "warn" ? "yellow" : "red", level)} `}${message}`);
    },
  };
}

/** JSON lines for a log collector. Names, steps and reasons only: credentials are wrapped and never reach a log. */
export function jsonLog(): RuntimeLog {
  const log = pino({ base: null });
  return {
    fact: ({ run, function: functionId, key }, fact) =>
      log.info({ run, function: functionId, key, fact: fact.is, ...("step" in fact ? { step: fact.step } : {}) }, tell(fact) ?? fact.is),
    note: (level, message, about = {}) => log[level](about, message),
  };
}
