import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import type { Terminal } from "./shell.ts";

/** The process's own terminal; `undefined` where nobody sits at one. */
export function processTerminal(): Terminal | undefined {
  const { stdin: input, stdout: output } = process;
  if (!input.isTTY || !output.isTTY) return undefined;
  const read = async (question: string, shown: NodeJS.WritableStream) => {
    const lines = createInterface({ input, output: shown, terminal: true });
    try {
      // The input ends, or the person interrupts: that is no answer.
      const closed = once(lines, "close").then(() => "");
      return await Promise.race([lines.question(question).catch(() => ""), closed]);
    } finally {
      lines.close();
    }
  };
  return {
    ask: (question) => read(question, output),
    async askSecret(question) {
      output.write(question);
      const answer = await read("", new Writable({ write: (_chunk, _encoding, done) => done() }));
      output.write("\n");
      return answer;
    },
  };
}
