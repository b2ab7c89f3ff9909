import type { z } from "zod";
import { issueText } from "./issues.ts";
import { ProblemError } from "./problem.ts";
import type { Way } from "./route.ts";

/** The query as the route declares it. Throws `LO_HTTP_QUERY` for a name it does not have, a name given twice, and a value that does not fit. */
export function readQuery({ path, query }: Way, given: Readonly<Record<string, readonly string[]>>): unknown {
  const names = Object.keys(query?.shape ?? {});
  const hint = names.length > 0 ? `It has: ${names.join(", ")}` : "It has none";
  for (const [name, values] of Object.entries(given)) {
    if (!names.includes(name)) throw new ProblemError(400, "LO_HTTP_QUERY", `${name} is not a query of ${path}`, { hint });
    if (values.length > 1) throw new ProblemError(400, "LO_HTTP_QUERY", `${name} is given ${values.length} times`, { hint });
  }
  if (!query) return {};
  const read = Object.fromEntries(Object.entries(given).map(([name, [text = ""]]) => [name, meantBy(query.shape[name], text)]));
  const parsed = query.safeParse(read);
  if (parsed.success) return parsed.data;
  const detail = parsed.error.issues.map((issue) => issueText(issue, read)).join("; ");
  throw new ProblemError(400, "LO_HTTP_QUERY", detail, { hint });
}

/** A text where the schema takes it, else what it says as JSON does: a whole number, `true` or `false`. */
function meantBy(schema: z.core.$ZodType | undefined, text: string): unknown {
  const plain = /^(true|false|0|[1-9]\d{0,14})$/.test(text) ? (JSON.parse(text) as unknown) : text;
  return (schema as z.ZodType | undefined)?.safeParse(text).success ? text : plain;
}
