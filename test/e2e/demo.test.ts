import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, type TestContext, test } from "vitest";

const script = (name: string) => fileURLToPath(new URL(`../../config/${name}`, import.meta.url));

/** Starts a program in an empty folder; what it says is gathered. */
function start(test: Pick<TestContext, "onTestFinished">, name: string, args: readonly string[] = [], env: Record<string, string> = {}) {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-demo-"));
  const child = spawn(process.execPath, [script(name), ...args], { cwd: folder, env: { ...process.env, ...env } });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => {
    said.out += chunk.toString();
  });
  child.stderr.on("data", (chunk: Buffer) => {
    said.err += chunk.toString();
  });
  const ended = once(child, "close") as Promise<[number | null, string | null]>;
  test.onTestFinished(() => {
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });
  const hears = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(said.out);
      if (match) return match;
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`it ended without ${pattern}:\n${said.out}\n${said.err}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  return { child, said, ended, hears };
}

describe.concurrent("what a visitor starts first", { timeout: 300_000 }, () => {
  test("the demo's last line is its proof", async (context) => {
    const { said, ended } = start(context, "main.ts", ["demo", "--json"]);
    context.expect(await ended).toEqual([0, null]);
    context.expect(said.err).toBe("");
    const result = JSON.parse(said.out.trim().split("\n").at(-1) ?? "");
    context.expect(result).toMatchObject({
      ok: true,
      machine: "gpu-02",
      function: "node-lost",
      status: "ok",
      powerActions: { off: 1, on: 1 },
      proof: { bootIdChanged: true, ready: true, gpus: ["gpu-02/gpu-0", "gpu-02/gpu-1"] },
    });
    context.expect(result.hardwareMs).toBeGreaterThan(90_000);
    context.expect(result.wasteMs).toBeGreaterThanOrEqual(0);
  });

  test("without a configuration the lab starts, a worker hangs and comes back, it stays up, and SIGTERM ends it cleanly", async (context) => {
    const { child, said, ended, hears } = start(context, "main.ts", ["serve"], { LIGHTSOUT_LISTEN: "127.0.0.1:0", NO_COLOR: "1" });
    const [, url] = await hears(/serves at (http:\S+)/);
    context.expect(await (await fetch(`${url}/healthz`)).json()).toMatchObject({ ok: true, site: "lab" });
    await hears(/gpu-02 is back in service, with proof/);
    context.expect(said.out).toMatch(/→ force-off .*guards: all \d+ allow/);
    const { runs } = (await (await fetch(`${url}/v1/runs`)).json()) as { runs: { status: string; reason: string }[] };
    context.expect(runs).toMatchObject([{ status: "finished", reason: "ok" }]);
    child.kill("SIGTERM");
    context.expect(await ended).toEqual([0, null]);
    context.expect(said.err).toBe("");
    await context.expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });

  test("SIGTERM before the story is over ends it just as cleanly", async (context) => {
    const { child, said, ended, hears } = start(context, "main.ts", ["serve"], { LIGHTSOUT_LISTEN: "127.0.0.1:0", NO_COLOR: "1" });
    await hears(/gpu-02 hangs now/);
    child.kill("SIGTERM");
    context.expect(await ended).toEqual([0, null]);
    context.expect(said.err).toBe("");
  });

  test("a configuration that cannot be used is told line by line, and the exit code says so", async (context) => {
    const { said, ended } = start(context, "main.ts", ["serve", "--config", "nothing-here.yaml"]);
    const [code] = await ended;
    context.expect(code).not.toBe(0);
    context.expect(said.err).toContain("nothing-here.yaml");
  });
});
