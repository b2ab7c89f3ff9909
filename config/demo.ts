import { parseArgs } from "node:util";
import { demo } from "./demo-story.ts";
import { terminalLog } from "./logging.ts";

const { values } = parseArgs({ options: { json: { type: "boolean", default: false }, store: { type: "string" } } });
const out = (line: string) => process.stdout.write(`${line}\n`);
const log = values.json ? { fact: () => undefined, note: () => undefined } : terminalLog(out);
process.exitCode = await demo({ json: values.json, log, out, ...(values.store === undefined ? {} : { store: values.store }) });
