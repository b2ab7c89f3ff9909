import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { Terminal } from "./shell.ts";

/** The process's own terminal; `undefined` where nobody sits at one. */
export function processTerminal(): Terminal | undefined {
  const { stdin: input, stdout: output } = process;
  if (!input.isTTY || !output.isTTY) return undefined;
  return {
    async ask(question) {
      const lines = createInterface({ input, output });
      try {
        // The input ends, or the person interrupts: that is no answer.
        const closed = once(lines, "close").then(() => "");
        return await Promise.race([lines.question(question).catch(() => ""), closed]);
      } finally {
        lines.close();
      }
    },
  };
}
