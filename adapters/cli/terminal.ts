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
        return await lines.question(question);
      } finally {
        lines.close();
      }
    },
  };
}
