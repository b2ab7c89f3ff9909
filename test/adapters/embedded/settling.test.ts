import { expect, onTestFinished, test } from "vitest";
import type { Commits } from "#adapters/embedded/commit.ts";
import { createConsumers } from "#adapters/embedded/consumers.ts";
import { createRecords } from "#adapters/embedded/records.ts";
import { openDatabase } from "#adapters/embedded/schema.ts";
import { systemClock } from "#events";
import { eventually, gate, range } from "#test/contracts/store/opened.ts";
import { newPlace } from "./place.ts";

test("a settling whose commit is tried again leaves nothing behind", async () => {
  const db = openDatabase(await newPlace(), "test");
  onTestFinished(() => db.close());
  const inTransaction = <T>(write: () => T, end: "COMMIT" | "ROLLBACK"): T => {
    db.exec("BEGIN");
    const value = write();
    db.exec(end);
    return value;
  };
  // As on a full disk: the group is undone, and done again when the reserve was given up.
  const commits: Commits = {
    write: async (_, write) => {
      await new Promise(setImmediate);
      inTransaction(write, "ROLLBACK");
      return inTransaction(write, "COMMIT");
    },
    failure: () => undefined,
    stop: () => undefined,
  };
  const records = createRecords(db, "events");
  for (const index of range(3)) records.insert("a", 0, `${index}`);
  const consumers = createConsumers({ db, commits, clock: systemClock, closing: new AbortController().signal });
  const gates = range(3).map(gate);
  const shelf = { stream: "events", records, listeners: new Set<() => void>() } as const;
  const stop = consumers.consume(shelf, ">", "name", (record) => gates[Number(record.data)]?.opened ?? Promise.resolve(), 3);
  const unsettled = () =>
    db
      .prepare("SELECT seq FROM unsettled ORDER BY seq")
      .all()
      .map(({ seq }) => Number(seq));
  await new Promise(setImmediate);
  gates[0]?.open();
  await eventually(() => expect(unsettled()).toEqual([2, 3]));
  gates[1]?.open();
  gates[2]?.open();
  await eventually(() => expect(unsettled()).toEqual([]));
  await stop();
});
