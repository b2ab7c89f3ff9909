import type { z } from "zod";
import { issueText } from "./issues.ts";
import { ProblemError } from "./problem.ts";

const mostDepth = 64;

/** The body of a request as text; empty where there is none. Throws `LO_HTTP_TOO_LARGE` past `limit` bytes, before reading on. */
async function readText(request: Request, limit: number): Promise<string> {
  const tooLarge = new ProblemError(413, "LO_HTTP_TOO_LARGE", `The body is larger than ${limit} bytes`, {
    hint: "An event carries names and reasons, not files",
  });
  if (Number(request.headers.get("content-length") ?? 0) > limit) throw tooLarge;
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body ?? []) {
      size += chunk.byteLength;
      if (size > limit) throw tooLarge;
      chunks.push(chunk);
    }
  } catch (error) {
    if (error === tooLarge) throw error;
    throw new ProblemError(400, "LO_HTTP_BODY", "The body ended early");
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.concat(chunks));
  } catch {
    throw new ProblemError(400, "LO_HTTP_JSON", "The body is not UTF-8");
  }
}

/**
 * The body as JSON; `undefined` where there is none. Throws `LO_HTTP_JSON` (400), `LO_HTTP_TOO_LARGE` (413) or, for any other
 * media type, `LO_HTTP_MEDIA_TYPE` (415).
 */
export async function readJson(request: Request, limit: number): Promise<unknown> {
  const text = await readText(request, limit);
  if (text === "") return undefined;
  const media = (request.headers.get("content-type") ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  if (media !== "application/json" && media !== "application/cloudevents+json") {
    throw new ProblemError(415, "LO_HTTP_MEDIA_TYPE", `A body of type "${media}" is not read`, {
      hint: "Send content-type: application/json or application/cloudevents+json",
    });
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ProblemError(400, "LO_HTTP_JSON", "The body is not JSON");
  }
  if (isDeeper(value, mostDepth)) throw new ProblemError(400, "LO_HTTP_JSON", `The body is nested deeper than ${mostDepth} levels`);
  return value;
}

/** Whether a value nests deeper than `most`; itself it does not recurse, so that no depth can hurt it. */
function isDeeper(value: unknown, most: number): boolean {
  let level = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > most) return true;
    level = level.flatMap((item) => (typeof item === "object" && item !== null ? Object.values(item) : []));
  }
  return false;
}

/** A body's fields as the schema has them. Throws `LO_HTTP_INVALID` (422) naming every field that is wrong. */
export function fields<Schema extends z.ZodType>(schema: Schema, body: unknown): z.output<Schema> {
  const given = body === undefined ? {} : body;
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const problems = parsed.error.issues.map((issue) => issueText(issue, given));
  throw new ProblemError(422, "LO_HTTP_INVALID", problems.join("; "), { hint: "Correct these fields and send it again" });
}
