import { expect, test } from "vitest";
import type { LogRecord } from "#events";
import type { OpenStore } from "./opened.ts";
import { eventually, gate, range, use } from "./opened.ts";

/** What a store promises of shared, durable positions. */
export function consuming(open: OpenStore): void {
  test("a new name starts at the first record and gets each one once, in order, one at a time", async () => {
    const { log } = (await use(open)).store;
    for (const index of range(5)) await log.append("events", `${index % 2 ? "b" : "a"}.x`, index);
    const seen: unknown[] = [];
    let working = 0;
    const stop = await log.consume("events", "a.>", "one", async (record) => {
      working += 1;
      expect(working).toBe(1);
      await Promise.resolve();
      seen.push(record.data);
      working -= 1;
    });
    await log.append("events", "a.y", 5);
    await eventually(() => expect(seen).toEqual([0, 2, 4, 5]));
    await stop();
  });

  test("a consumer may take several at once, never more, and gives back all it holds", async () => {
    const opened = await use(open);
    const second = (await opened.second?.()) ?? opened.store;
    for (const index of range(7)) await opened.store.log.append("events", `e.${index}`, index);
    const held: unknown[] = [];
    const work = gate();
    const take = async (record: LogRecord) => {
      held.push(record.data);
      await work.opened;
    };
    const stop = await opened.store.log.consume("events", ">", "several", take, 3);
    await eventually(() => expect(held).toEqual([0, 1, 2]));
    await opened.store.log.append("events", "e.7", 7);
    expect(held).toEqual([0, 1, 2]);
    await stop();
    work.open();
    const seen: unknown[] = [];
    await second.log.consume("events", ">", "several", async (record) => void seen.push(record.data), 3);
    await eventually(() => expect(seen.toSorted()).toEqual(range(8)));
  });

  test("workers under one name share the records; another name has its own", async () => {
    const opened = await use(open);
    const second = (await opened.second?.()) ?? opened.store;
    const both = [gate(), gate()] as const;
    const seen: number[][] = [[], [], []];
    const worker = (index: 0 | 1) => async (record: LogRecord) => {
      seen[index]?.push(record.seq);
      both[index].open();
      await Promise.all(both.map((each) => each.opened));
    };
    await opened.store.log.consume("events", ">", "shared", worker(0));
    await second.log.consume("events", ">", "shared", worker(1));
    await opened.store.log.consume("events", ">", "other", async (record) => void seen[2]?.push(record.seq));
    const seqs = range(40).map((index) => index + 1);
    for (const seq of seqs) await opened.store.log.append("events", `e.${seq}`, seq);
    await eventually(() => expect([...(seen[0] ?? []), ...(seen[1] ?? [])].length).toBeGreaterThanOrEqual(40));
    await eventually(() => expect(seen[2]).toEqual(seqs));
    expect([...(seen[0] ?? []), ...(seen[1] ?? [])].toSorted((a, b) => a - b)).toEqual(seqs);
  });

  test("a rejected record comes again, and the ones behind it do not wait for it", async () => {
    const { log } = (await use(open)).store;
    const seen: unknown[] = [];
    const stop = await log.consume("events", ">", "retrying", async (record) => {
      seen.push(record.data);
      if (record.data === "bad" && seen.length === 1) throw new Error("not this time");
    });
    await log.append("events", "a", "bad");
    await log.append("events", "a", "good");
    await eventually(() => expect(seen).toEqual(["bad", "good", "bad"]));
    await stop();
  });

  test("the record a stopped worker held goes to another, and what the stopped one answers settles nothing", async () => {
    const opened = await use(open);
    const second = (await opened.second?.()) ?? opened.store;
    const [holding, release] = [gate(), gate()];
    const stop = await opened.store.log.consume("events", ">", "handed-on", async () => {
      holding.open();
      await release.opened;
    });
    await opened.store.log.append("events", "a", "held");
    await holding.opened;
    await stop();
    release.open();
    const seen: unknown[] = [];
    await opened.store.log.append("events", "a", "next");
    await second.log.consume("events", ">", "handed-on", async (record) => void seen.push(record.data));
    await eventually(() => expect(seen.toSorted()).toEqual(["held", "next"]));
  });

  test("a position survives a restart: settled records stay settled, the one in hand comes again", async () => {
    const opened = await use(open);
    if (!opened.reopen) return;
    const holding = gate();
    await opened.store.log.consume("events", ">", "durable", async (record) => {
      if (record.data !== "settled") {
        holding.open();
        await new Promise(() => {});
      }
    });
    await opened.store.log.append("events", "a", "settled");
    await opened.store.log.append("events", "a", "in hand");
    await holding.opened;
    const { log } = await opened.reopen();
    await log.append("events", "a", "later");
    const seen: unknown[] = [];
    await log.consume("events", ">", "durable", async (record) => void seen.push(record.data));
    await eventually(() => expect(seen.toSorted()).toEqual(["in hand", "later"]));
  });

  test("workers that settle at the same moment leave nothing behind for after a restart", async () => {
    const opened = await use(open);
    if (!opened.reopen) return;
    const atEnd = [gate(), gate()] as const;
    const worker = (index: 0 | 1) => async (record: LogRecord) => {
      if (record.data !== "end") return;
      atEnd[index].open();
      await new Promise(() => {});
    };
    for (const index of range(60)) await opened.store.log.append("events", "a", index);
    for (const _ of atEnd) await opened.store.log.append("events", "a", "end");
    await Promise.all(([0, 1] as const).map((index) => opened.store.log.consume("events", ">", "pair", worker(index))));
    await Promise.all(atEnd.map((each) => each.opened));
    const { log } = await opened.reopen();
    await log.append("events", "a", "later");
    const seen: unknown[] = [];
    await log.consume("events", ">", "pair", async (record) => void seen.push(record.data));
    await eventually(() => expect(seen.toSorted()).toEqual(["end", "end", "later"]));
  });

  test("a purged record that was not delivered yet is gone for consumers too", async () => {
    const { log } = (await use(open)).store;
    for (const index of range(3)) await log.append("events", `a.${index}`, index);
    await log.purge("events", "a.1");
    const seen: unknown[] = [];
    await log.consume("events", ">", "late", async (record) => void seen.push(record.data));
    await eventually(() => expect(seen).toEqual([0, 2]));
  });

  test("records that are far apart among those for others are found", async () => {
    const { log } = (await use(open)).store;
    for (const stretch of range(3)) {
      await Promise.all(range(600).map((index) => log.append("events", `other.${index}`, index)));
      await log.append("events", "mine", stretch);
    }
    const seen: { consumed: unknown[]; followed: unknown[] } = { consumed: [], followed: [] };
    await log.consume("events", "mine", "mine", async (record) => void seen.consumed.push(record.data));
    await log.follow("events", "mine", 0, (record) => seen.followed.push(record.data));
    await eventually(() => expect(seen).toEqual({ consumed: [0, 1, 2], followed: [0, 1, 2] }));
    expect((await log.read("events", "*", { limit: 2 })).map((record) => record.data)).toEqual([0, 1]);
  });
}
