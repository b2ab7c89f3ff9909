import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test, vi } from "vitest";
import { type CniOptions, createCni } from "#adapters/cni/mod.ts";

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "lightsout-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

const apply = async () => ["DaemonSet kube-system/cni"];
const cni = (options: Partial<CniOptions>) => createCni({ by: undefined, apply, kubeconfig: () => "/site/kubeconfig", ...options });
/** A program of our own: what Node runs. */
const node = (script: string, ...args: string[]) => ({ command: [process.execPath, "-e", script, ...args] });
const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 20 });

test("with nothing configured Talos brings its own network, and nothing is done", async () => {
  const own = cni({
    apply: async () => {
      throw new Error("nothing was to be applied");
    },
  });
  expect(own.describe()).toContain("Talos brings the network");
  expect(await own.install()).toBe(own.describe());
});

test("manifests are applied in their order, as they are now", async () => {
  const at = await folder();
  const [first, second] = [join(at, "crds.yaml"), join(at, "cilium.yaml")];
  await writeFile(first, "first");
  await writeFile(second, "old");
  const applied: string[] = [];
  const own = cni({
    by: { manifests: [first, second] },
    async apply(text) {
      applied.push(text);
      return ["a", "b"];
    },
  });
  await writeFile(second, "second");
  expect(own.describe()).toBe("applies crds.yaml, cilium.yaml");
  expect(await own.install()).toBe("4 objects from crds.yaml, cilium.yaml");
  expect(applied).toEqual(["first", "second"]);
});

test("a manifest that is not there is named", async () => {
  await expect(cni({ by: { manifests: ["/nowhere/cilium.yaml"] } }).install()).rejects.toMatchObject({
    code: "LO_CNI",
    message: expect.stringContaining("/nowhere/cilium.yaml cannot be read"),
  });
});

test("a program finds the kubeconfig and nothing of our secrets, and its arguments go through no shell", async () => {
  const file = join(await folder(), "seen");
  vi.stubEnv("LIGHTSOUT_BMC_PASSWORD", "s3cret");
  onTestFinished(() => void vi.unstubAllEnvs());
  const script = `require("fs").writeFileSync(${JSON.stringify(file)}, JSON.stringify({ env: process.env, args: process.argv.slice(1) }))`;
  const own = cni({ by: node(script, "$(id)", "two words") });
  expect(await own.install()).toBe(`${process.execPath}: done`);
  const { env, args } = JSON.parse(await readFile(file, "utf8")) as { env: Record<string, string>; args: string[] };
  expect(args).toEqual(["$(id)", "two words"]);
  expect(env).toMatchObject({ KUBECONFIG: "/site/kubeconfig", PATH: process.env.PATH });
  expect(JSON.stringify(env)).not.toContain("s3cret");
});

test("one that fails says how, with the end of what it said and no more", async () => {
  const script = `process.stdout.write("x".repeat(3_000_000)); process.stderr.write("helm: release failed", () => process.exit(3))`;
  const failed = await cni({ by: node(script) })
    .install()
    .catch((error: unknown) => error);
  expect(failed).toMatchObject({
    code: "LO_CNI",
    message: expect.stringContaining("ended with 3: …"),
  });
  expect(String(failed).length).toBeLessThan(1500);
});

test("one that is not there says so", async () => {
  await expect(cni({ by: { command: ["/nowhere/cilium"] } }).install()).rejects.toMatchObject({
    code: "LO_CNI",
    message: expect.stringContaining("/nowhere/cilium cannot be started"),
  });
});

test("one that does not end is ended with everything it has started", async () => {
  const file = join(await folder(), "pid");
  const child = `require("fs").writeFileSync(${JSON.stringify(file)}, String(process.pid)); setInterval(() => undefined, 1000)`;
  const script = `require("child_process").spawn(process.execPath, ["-e", ${JSON.stringify(child)}]); setInterval(() => undefined, 1000)`;
  const over = new AbortController();
  const installing = cni({ by: node(script) }).install(over.signal);
  installing.catch(() => undefined);
  let pid = 0;
  await until(async () => {
    pid = Number(await readFile(file, "utf8"));
    expect(pid).toBeGreaterThan(0);
  });
  over.abort(new Error("the step is over"));
  await expect(installing).rejects.toThrow("the step is over");
  await until(() => expect(() => process.kill(pid, 0)).toThrow());
});

test("one that is past its deadline fails with it", async () => {
  await expect(cni({ by: node("setInterval(() => undefined, 1000)"), timeoutMs: 300 }).install()).rejects.toMatchObject({
    code: "LO_CNI",
    message: expect.stringContaining("has not ended in"),
  });
});
