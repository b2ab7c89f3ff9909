import { LightsoutError } from "./errors.ts";

interface Issue {
  readonly code?: string | undefined;
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly keys?: readonly string[];
}

/** `LO_EVENT_INVALID` for an event's data, naming every field and what is wrong with it. */
export function invalidEvent(type: string, issues: readonly Issue[]): LightsoutError {
  return new LightsoutError("LO_EVENT_INVALID", `${type}: ${issues.map(problemOf).join("; ")}`, {
    hint: "Correct these fields and send it again",
  });
}

function problemOf({ code, path, message, keys }: Issue): string {
  const field = path.join(".") || "data";
  if (code === "unrecognized_keys") return `unknown field ${(keys ?? []).join(", ")}`;
  if (/received undefined$/.test(message)) return `${field} is missing`;
  return `${field}: ${message}`;
}
