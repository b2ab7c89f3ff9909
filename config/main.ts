import { explain } from "#events";
import { terminalLog } from "./logging.ts";
import { serve } from "./serve.ts";

const out = (line: string) => process.stdout.write(`${line}\n`);
try {
  await serve({ log: terminalLog(out), out });
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exitCode = 1;
}
