import { existsSync, statfsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { effectOf } from "#events";
import { smallDisk } from "#test/lab/small-disk.ts";
import { newPlace } from "./place.ts";

const full = { code: "LO_STORE_FULL", message: expect.stringMatching(/the disk is full.*was not written/) };

test("under the floor events are refused by name while outcomes, claims and leases are written", async () => {
  const path = await newPlace();
  const store = await createEmbeddedStore({ path, site: "test", room: { floor: Number.MAX_SAFE_INTEGER, reserve: 65_536 } });
  onTestFinished(() => store.close());
  const answers = await Promise.allSettled([
    store.log.append("events", "a", 1),
    store.log.append("journal", "run.a", "outcome", { expect: 0 }),
    store.kv.put("ledger", "m1", 1, 0),
    store.kv.put("claims", "m1", 1, 0),
    store.kv.put("leases", "poller", 1, 0),
    store.log.append("dead", "a", 1),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "rejected", "fulfilled", "fulfilled", "rejected"]);
  expect(answers[0]).toMatchObject({ reason: full });
  expect(effectOf(answers[0]?.status === "rejected" ? answers[0].reason : undefined)).toBe("none");
  expect(await store.log.position("events")).toBe(0);
  expect((await store.log.last("journal", "run.a"))?.data).toBe("outcome");
  expect(await store.health()).toMatchObject({ ok: false, detail: expect.stringContaining("events are refused") });
});

test("on a disk that is really full the reserve is given up for the journal, and set aside again when there is room", async (context) => {
  const folder = await smallDisk(context, 12);
  if (!folder) return context.skip("this user may not mount a tmpfs");
  const path = join(folder, "store.db");
  const store = await createEmbeddedStore({ path, site: "test", room: { floor: 0, reserve: 2 ** 20 } });
  onTestFinished(() => store.close());
  expect(existsSync(`${path}.reserve`)).toBe(true);
  await store.log.append("events", "before", 1);
  const filler = join(folder, "filler");
  const { bavail, bsize } = statfsSync(dirname(path));
  await writeFile(filler, Buffer.alloc(bavail * bsize));
  const big = "x".repeat(60_000);
  const refused = async () => {
    for (;;) await store.log.append("events", "a", big);
  };
  await expect(refused()).rejects.toMatchObject(full);
  const journaled: number[] = [];
  for (const index of Array.from({ length: 40 }, (_, each) => each)) {
    const [journal, event] = await Promise.allSettled([
      store.log.append("journal", "run.a", index),
      index % 10 === 0 ? store.log.append("events", "a", big.repeat(30)) : Promise.reject(new Error("not tried")),
    ]);
    expect(journal.status).toBe("fulfilled");
    expect(event.status).toBe("rejected");
    journaled.push(index);
  }
  expect(existsSync(`${path}.reserve`)).toBe(false);
  expect((await store.log.read("journal", "run.a")).map((record) => record.data)).toEqual(journaled);
  await rm(filler);
  await store.log.append("events", "after", 1);
  expect(existsSync(`${path}.reserve`)).toBe(true);
  await store.close();
  const again = await createEmbeddedStore({ path, site: "test", room: { floor: 0, reserve: 2 ** 20 } });
  expect((await again.log.read("journal", "run.a")).map((record) => record.data)).toEqual(journaled);
  await again.close();
});
