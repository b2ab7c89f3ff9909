import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createKubeconfigFile } from "#adapters/cluster/kubeconfig-file.ts";

async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "lightsout-"));
  onTestFinished(() => rm(made, { recursive: true, force: true }));
  return made;
}

const modeOf = async (file: string) => ((await stat(file)).mode & 0o777).toString(8);

test("a kubeconfig is kept for its owner alone, in a folder that need not be there", async () => {
  const file = join(await folder(), "site", "kubeconfig");
  expect(await createKubeconfigFile(file).keep("one")).toBe(file);
  expect(await readFile(file, "utf8")).toBe("one");
  expect(await modeOf(file)).toBe("600");
});

test("what was there before is kept beside it, however open it was, and the new one is closed", async () => {
  const at = await folder();
  const file = join(at, "kubeconfig");
  await writeFile(file, "of another cluster", { mode: 0o644 });
  await writeFile(`${file}.new`, "left by a crash", { mode: 0o644 });
  const kept = createKubeconfigFile(file);
  await kept.keep("one");
  await kept.keep("one");
  await kept.keep("two");
  expect(await readFile(file, "utf8")).toBe("two");
  expect(await modeOf(file)).toBe("600");
  const beside = (await readdir(at)).filter((name) => name !== "kubeconfig");
  expect(beside.every((name) => /^kubeconfig\.before-[0-9a-f]{12}$/.test(name))).toBe(true);
  const texts = await Promise.all(beside.map((name) => readFile(join(at, name), "utf8")));
  expect(texts.sort()).toEqual(["of another cluster", "one"]);
});

test("nothing is lost when it is kept again after a crash between the two", async () => {
  const at = await folder();
  const file = join(at, "kubeconfig");
  await writeFile(file, "of another cluster");
  const kept = createKubeconfigFile(file);
  await kept.keep("first try");
  await kept.keep("second try");
  const texts = await Promise.all((await readdir(at)).map((name) => readFile(join(at, name), "utf8")));
  expect(texts).toContain("of another cluster");
});

test("a folder that cannot be written says so, and leaves what was there", async () => {
  const at = await folder();
  const file = join(at, "kubeconfig");
  await writeFile(file, "one");
  await symlink(join(at, "gone", "away"), `${file}.new`);
  await expect(createKubeconfigFile(file).keep("two")).rejects.toMatchObject({ code: "ENOENT" });
  expect(await readFile(file, "utf8")).toBe("one");
});

test("without a file in the configuration there is nowhere to keep it", async () => {
  const kept = createKubeconfigFile(undefined);
  expect(() => kept.where()).toThrow("No file for the cluster's kubeconfig is configured");
  await expect(kept.keep("one")).rejects.toMatchObject({ code: "LO_NOT_CONFIGURED" });
});
