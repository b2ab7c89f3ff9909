import type { z } from "zod";
import { nearest } from "#adapters/inventory/mod.ts";
import { type Finding, shown } from "./problem.ts";

const forms: Readonly<Record<string, string>> = {
  object: "a map (indented keys with values)",
  record: "a map",
  array: "a list (lines that begin with -)",
};

/** What zod found, in words of a person who writes the file. */
export function findings(error: z.ZodError): readonly Finding[] {
  return error.issues.flatMap((issue): readonly Finding[] => {
    const path = issue.path.filter((segment) => typeof segment !== "symbol");
    switch (issue.code) {
      case "unrecognized_keys":
        return issue.keys.map((key) => ({ path: [...path, key], on: "key", ...unknownKey(key, issue.message.split(" ")) }));
      case "invalid_type":
        return [
          {
            path,
            message: `This is not ${forms[issue.expected] ?? issue.expected}`,
            fix: `Write ${forms[issue.expected] ?? issue.expected}`,
          },
        ];
      case "invalid_key":
        return [{ path, on: "key", message: "The name cannot be used", fix: "Write lower-case letters, digits, - and . only" }];
      case "too_small":
        return [{ path, message: "The list is empty", fix: "Write at least one, or remove the key" }];
      case "custom":
        return [{ path, message: issue.message, fix: String(issue.params?.fix) }];
      default:
        return [{ path, message: issue.message, fix: "Compare it with config/example.yaml" }];
    }
  });
}

function unknownKey(key: string, known: readonly string[]): { message: string; fix: string } {
  const near = nearest(key, known, 1)[0];
  return {
    message: `${shown(key)} is not a known key`,
    fix: near === undefined ? `Known here: ${known.join(", ")}` : `Did you mean ${near}?`,
  };
}
