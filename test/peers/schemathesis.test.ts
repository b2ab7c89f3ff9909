import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { createApp, serveHttp } from "#adapters/http/mod.ts";
import { createFakeDesk, finishedFact, parkedFact } from "#test/adapters/http/desk.ts";
import { tokens } from "#test/adapters/http/rig.ts";
import { peer } from "./peer.ts";

const schemathesis =
  process.env.SCHEMATHESIS ?? peer("schemathesis", "PyPI: pip install schemathesis==4.32.5, and name it in SCHEMATHESIS");
const settings = new URL("schemathesis.toml", import.meta.url).pathname;

/** Runs it to its end; answers its exit code and what it said. */
function run(args: readonly string[], cwd: string): Promise<{ code: number | string; said: string }> {
  return new Promise((resolve) => {
    const options = { cwd, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, PYTHONIOENCODING: "utf-8", NO_COLOR: "1" } };
    execFile(schemathesis ?? "", args, options, (error, stdout, stderr) => resolve({ code: error?.code ?? 0, said: stdout + stderr }));
  });
}

test.skipIf(!schemathesis)(
  "Schemathesis finds no answer that the OpenAPI document does not have, and nothing that breaks the API",
  async () => {
    const folder = mkdtempSync(join(tmpdir(), "schemathesis-"));
    const desk = createFakeDesk();
    desk.begin("parked", { status: "parked" });
    desk.write("parked", parkedFact());
    desk.ask({ run: "parked" });
    desk.begin("ended", { status: "finished" });
    desk.write("ended", finishedFact());
    const served = await serveHttp(createApp(desk, { tokens }), { listen: "127.0.0.1:0" });
    const about = ["--seed", "1", "--max-examples", "10", "--phases", "examples,coverage,fuzzing", "--suppress-health-check", "all"];
    const who = ["--header", "Authorization: Bearer admin-token"];
    const ends = ["--continue-on-failure", "--warnings", "off", "--request-timeout", "20"];
    const { code, said } = await run(["--config-file", settings, "run", `${served.url}/openapi.json`, ...who, ...about, ...ends], folder);
    await served.close();
    rmSync(folder, { recursive: true, force: true });
    expect(code, said).toBe(0);
    expect(said).toMatch(/[1-9]\d\d+ generated/);
    expect(desk.accepted.length).toBeGreaterThan(10);
  },
  600_000,
);
