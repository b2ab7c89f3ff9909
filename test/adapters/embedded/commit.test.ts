import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { createCommits } from "#adapters/embedded/commit.ts";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { createRoom } from "#adapters/embedded/room.ts";
import { newPlace } from "./place.ts";

test("a refused append does not take its neighbours of the same commit with it", async () => {
  const store = await createEmbeddedStore({ path: await newPlace(), site: "test", room: { reserve: 65_536 } });
  onTestFinished(() => store.close());
  await store.log.append("journal", "a", 0);
  const answers = await Promise.all([
    store.log.append("journal", "a", 1, { expect: 1 }),
    store.log.append("journal", "a", 2, { expect: 1 }),
    store.log.append("journal", "a", 3, { expect: 2 }),
    store.kv.put("claims", "m", 1, 9),
    store.kv.put("claims", "m", 2, 0),
  ]);
  expect(answers.slice(0, 4)).toEqual([
    { ok: true, seq: 2, duplicate: false },
    { ok: false },
    { ok: true, seq: 3, duplicate: false },
    undefined,
  ]);
  expect((await store.log.read("journal", "a")).map((record) => record.data)).toEqual([0, 1, 3]);
  expect((await store.kv.get("claims", "m"))?.value).toBe(2);
});

test("a write that throws is undone alone; nothing is answered or seen before the commit", async () => {
  const path = await newPlace();
  const db = new DatabaseSync(path);
  const reader = new DatabaseSync(path);
  onTestFinished(() => [db, reader].forEach((each) => void each.close()));
  db.exec("PRAGMA journal_mode = WAL; CREATE TABLE t (x INTEGER PRIMARY KEY)");
  const commits = createCommits(db, path, createRoom(path, { reserve: 0 }));
  const insert = db.prepare("INSERT INTO t VALUES (?)");
  const seenByOthers = () =>
    reader
      .prepare("SELECT x FROM t ORDER BY x")
      .all()
      .map((row) => row.x);
  const told: unknown[] = [];
  const write = (value: number, thenThrow = false) =>
    commits
      .write({ what: String(value) }, () => {
        insert.run(value);
        expect(seenByOthers()).toEqual([]);
        if (thenThrow) throw new Error("this one fails");
        return value;
      })
      .then(
        (done) => void told.push([done, seenByOthers()]),
        (error: Error) => void told.push(error.message),
      );
  await Promise.all([write(1), write(2, true), write(3), write(1)]);
  expect(told).toEqual([[1, [1, 3]], "this one fails", [3, [1, 3]], expect.stringContaining("UNIQUE")]);
});

test("close rejects what was not committed yet", async () => {
  const store = await createEmbeddedStore({ path: await newPlace(), site: "test", room: { reserve: 65_536 } });
  const pending = store.log.append("events", "a", 1);
  const answer = expect(pending).rejects.toMatchObject({ code: "LO_STORE_CLOSED" });
  await store.close();
  await answer;
});
