import type { z } from "zod";

type Issue = z.core.$ZodIssue;

const kinds: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  object: "an object",
  record: "an object",
  array: "a list",
};

/** What is wrong with a field, in words: `machine is missing (a text)`. `body` is what was checked. */
export function issueText(issue: Issue, body: unknown): string {
  const field = issue.path.map(String).join(".") || "body";
  const found = valueAt(body, issue.path);
  if (issue.code === "unrecognized_keys") {
    const names = issue.keys.map((key) => [...issue.path.map(String), key].join("."));
    return `${names.join(", ")} ${names.length === 1 ? "is" : "are"} not known here`;
  }
  const wanted = wantedBy(issue);
  if (wanted === undefined) return `${field}: ${issue.message}`;
  return found === undefined ? `${field} is missing (${wanted})` : `${field} must be ${wanted}`;
}

function wantedBy(issue: Issue): string | undefined {
  if (issue.code === "invalid_type") return kinds[issue.expected] ?? `a ${issue.expected}`;
  if (issue.code === "invalid_value") return `${issue.values.length > 1 ? "one of " : ""}${issue.values.map(String).join(", ")}`;
  if (issue.code === "too_small" && issue.origin === "string" && issue.minimum === 1) return "a text that is not empty";
  return undefined;
}

const valueAt = (body: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, key) => (typeof value === "object" && value !== null && Object.hasOwn(value, key) ? Reflect.get(value, key) : undefined),
    body,
  );
