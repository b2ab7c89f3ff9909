import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { eventually } from "#test/contracts/store/opened.ts";
import { newPlace } from "./place.ts";

const script = fileURLToPath(new URL("./writer.ts", import.meta.url));

async function startWriter(path: string) {
  const child = spawn(process.execPath, [script, path], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const said: string[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => said.push(line));
  await eventually(() => expect(said).toContain("ready"));
  return {
    pid: child.pid,
    said,
    async kill() {
      const gone = once(child, "close");
      child.kill("SIGKILL");
      await gone;
    },
  };
}

test("whatever was acknowledged before a kill -9 is there afterwards, and nothing else stands in the way", async () => {
  const path = await newPlace();
  let before = 0;
  for (const round of [1, 2, 3, 4, 5]) {
    const writer = await startWriter(path);
    await eventually(() => expect(writer.said.length).toBeGreaterThan(round * 40));
    await writer.kill();
    // The last line may have been cut by the kill, but a longer number than was written cannot come of it.
    const acknowledged = writer.said.map(Number).filter((seq) => seq > 0);
    const claims = writer.said.flatMap((line) => /^claim (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    const store = await createEmbeddedStore({ path, site: "test", room: { reserve: 65_536 } });
    const kept = await store.log.read("journal", ">");
    const seqs = new Set(kept.map((record) => record.seq));
    expect(acknowledged.filter((seq) => !seqs.has(seq))).toEqual([]);
    expect(kept.map((record) => record.data)).toEqual(kept.map((record) => record.seq));
    expect((await store.kv.get("claims", "m1"))?.revision).toBeGreaterThanOrEqual(claims.at(-1) ?? 0);
    expect(kept.length).toBeGreaterThan(before);
    before = kept.length;
    await store.close();
  }
});

test("a second process is refused, told who has the file and what to do, and let in when the first is gone", async () => {
  const path = await newPlace();
  const writer = await startWriter(path);
  const open = () => createEmbeddedStore({ path, site: "test", room: { reserve: 65_536 } });
  const refusal = await open().catch((error: unknown) => error);
  expect(refusal).toMatchObject({ code: "LO_STORE_OWNED", hint: expect.stringContaining("HTTP") });
  expect(String(refusal)).toContain(`${path} belongs to another process`);
  if (process.platform === "linux") expect(String(refusal)).toContain(`pid ${writer.pid}`);
  await writer.kill();
  const store = await open();
  await expect(open()).rejects.toMatchObject({ code: "LO_STORE_OWNED" });
  await store.close();
});
