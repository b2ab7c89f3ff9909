import { afterEach } from "vitest";
import { type CliHooks, createCli } from "#adapters/cli/mod.ts";
import { type AppOptions, createApp, type Served, serveHttp } from "#adapters/http/mod.ts";
import { createFakeTime } from "#events/testing/mod.ts";
import { createFakeDesk } from "#test/adapters/http/desk.ts";

const open: Served[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((served) => served.close()));
});

/** What a command printed and how it ended. */
export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

/** A command line over a real server that serves a fake desk. Whoever answers is the person at the terminal. */
export async function createRig(options: { app?: Partial<AppOptions>; hooks?: Partial<CliHooks>; answers?: readonly string[] } = {}) {
  const desk = createFakeDesk();
  const served = await serveHttp(createApp(desk, { tokens: [], ...options.app }), { listen: "127.0.0.1:0" });
  open.push(served);
  const asked: string[] = [];
  const answers = options.answers === undefined ? undefined : [...options.answers];
  const run = async (...argv: readonly string[]): Promise<Ran> => {
    const out: string[] = [];
    const err: string[] = [];
    const ask = async (question: string) => {
      asked.push(question);
      return answers?.shift() ?? "";
    };
    const terminal = answers && { ask, askSecret: ask };
    const cli = createCli({
      serve: async () => undefined,
      demo: async () => 0,
      doctor: async () => [],
      schema: async () => ({}),
      init: async () => ({ file: "lightsout.yaml", machines: [], variables: [] }),
      out: (line) => void out.push(line),
      err: (line) => void err.push(line),
      env: { LIGHTSOUT_URL: served.url },
      terminal,
      clock: createFakeTime().clock(),
      ...options.hooks,
    });
    const exit = await cli.run(argv);
    return { exit, out: out.join("\n"), err: err.join("\n") };
  };
  return { desk, served, run, asked };
}
