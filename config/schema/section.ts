import { z } from "zod";

/**
 * A map with these keys and no others. The keys travel as the issue's message, where `findings` finds the nearest one to
 * name; zod's own issue holds the unknown keys only.
 */
export function section<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.keys(shape).join(" ");
  return z.strictObject(shape, { error: (issue) => (issue.code === "unrecognized_keys" ? keys : undefined) });
}

/** A map whose keys people choose. `form` describes a key for the message. */
export function named<Value extends z.ZodType>(form: RegExp, content: Value) {
  return z.record(z.string().regex(form), content);
}
