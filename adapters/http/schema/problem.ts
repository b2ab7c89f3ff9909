import { z } from "zod";

/** An error's body: RFC 9457, with a stable code and what to do next. */
export const problem = z
  .strictObject({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    code: z.string().regex(/^LO_[A-Z_]+$/),
    detail: z.string().describe("what failed, on what, and the value seen"),
    hint: z.string().optional().describe("the next thing to do"),
  })
  .describe("why it was not done");
