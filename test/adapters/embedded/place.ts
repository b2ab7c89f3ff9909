import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** The path for a store in a new folder, which is removed when the test ends. */
export async function newPlace(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "lightsout-"));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return join(folder, "store.db");
}
