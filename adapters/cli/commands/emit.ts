import type { Command } from "commander";
import { type Accepted, showPlan, tell } from "../accepted.ts";
import { Failure } from "../failure.ts";
import type { Shell } from "../shell.ts";

interface Given {
  readonly data?: string;
  readonly id?: string;
  readonly plan?: boolean;
  readonly wait?: boolean;
}

/** `emit`: sends any event of the catalogue. */
export function emitCommand(program: Command, shell: Shell): void {
  program
    .command("emit")
    .description("send an event")
    .argument("<type>", "such as node-lost")
    .argument("[key=value...]", "its data: key=text (true and false are truth values), key:=json for anything else")
    .option("--data <json>", "its data as one JSON object; key=value adds to it")
    .option("--id <id>", "its id: the same id again is the same event")
    .option("--plan", "show what would follow, and do nothing")
    .option("--wait", "go along until its runs have finished or wait for a person")
    .action(
      shell.action(async (type: string, pairs: string[], { data, id, plan, wait }: Given) => {
        const event = { type, data: readData(data, pairs), ...(id === undefined ? {} : { id }) };
        if (plan) return showPlan(shell, await shell.client.post("/v1/events?plan=true", event), type);
        return tell(shell, type, await shell.client.post<Accepted>("/v1/events", event), { wait, type });
      }),
    );
}

/** The event's data from `--data` and `key=value`. */
function readData(text: string | undefined, pairs: readonly string[]): object {
  const base = text === undefined ? {} : readJson("--data", text);
  if (typeof base !== "object" || base === null || Array.isArray(base)) {
    throw new Failure("usage", "--data is not a JSON object", { hint: `Write it like --data '{"machine": "r740-01"}'` });
  }
  return { ...base, ...Object.fromEntries(pairs.map(readPair)) };
}

function readPair(pair: string): [string, unknown] {
  const match = /^([^=:]+)(:?=)([\s\S]*)$/.exec(pair);
  if (!match) throw new Failure("usage", `"${pair}" is not key=value`, { hint: "Write it like machine=r740-01" });
  const [, key = "", sign, value = ""] = match;
  if (sign === ":=") return [key, readJson(key, value)];
  return [key, value === "true" ? true : value === "false" ? false : value];
}

function readJson(what: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new Failure("usage", `${what} is not JSON: ${text}`, { hint: "Texts in JSON stand in double quotes" });
  }
}
