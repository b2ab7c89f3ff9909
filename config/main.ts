import { existsSync } from "node:fs";
import { createCli } from "#adapters/cli/mod.ts";
import { jsonLog, terminalLog } from "./logging.ts";

// Who reads the output may go (`| head`); what is being done to machines goes on.
process.stdout.on("error", () => undefined);
process.stderr.on("error", () => undefined);
const out = (line: string) => process.stdout.write(`${line}\n`);
const err = (line: string) => process.stderr.write(`${line}\n`);
const quiet = { fact: () => undefined, note: () => undefined };
const usual = "lightsout.yaml";

const cli = createCli({
  out,
  err,
  env: process.env,
  // Only who serves or shows needs all of Lightsout; everybody else asks one over HTTP, and must not wait until it is loaded.
  async serve({ config }) {
    const { serve } = await import("./serve.ts");
    // A person at a terminal reads lines, a log collector reads JSON.
    const log = process.stdout.isTTY || !existsSync(config) ? terminalLog(out) : jsonLog();
    return serve({ log, out, ...(config === usual && !existsSync(config) ? {} : { config }), listen: process.env.LIGHTSOUT_LISTEN });
  },
  async demo(asked) {
    const { demo } = await import("./demo-story.ts");
    return demo({ ...asked, log: asked.json ? quiet : terminalLog(out), out });
  },
  async schema() {
    const { jsonSchema } = await import("./schema/json.ts");
    return jsonSchema();
  },
  async doctor({ config }) {
    const { doctor } = await import("./doctor/doctor.ts");
    return doctor({ config, env: process.env, listen: process.env.LIGHTSOUT_LISTEN });
  },
  async init(asked) {
    const { init } = await import("./init/init.ts");
    return init(asked, process.env);
  },
});

process.exitCode = await cli.run(process.argv.slice(2));
