import fc from "fast-check";
import { expect, test } from "vitest";
import type { Appended, LogRecord } from "#events";
import { encodeToken } from "#events";
import type { OpenStore } from "./opened.ts";
import { eventually, everyCall, range, use } from "./opened.ts";

const seqOf = (appended: Appended): number => (appended.ok ? appended.seq : -1);

/** What a store promises of its log, but for consumers. */
export function logging(open: OpenStore): void {
  test("a record comes back as it was written, dated by the store", async () => {
    const { log } = (await use(open)).store;
    expect(await log.position("events")).toBe(0);
    expect(await log.append("events", "a.b", { text: "grün ☃", list: [1, null, true], deep: { x: {} } })).toEqual({
      ok: true,
      seq: 1,
      duplicate: false,
    });
    const [record] = await log.read("events", ">");
    expect(record).toMatchObject({ seq: 1, subject: "a.b", data: { text: "grün ☃", list: [1, null, true], deep: { x: {} } } });
    expect(record?.time).toBeGreaterThan(1_600_000_000_000);
    expect(await log.last("events", "a.b")).toEqual(record);
  });

  test("any JSON and any encoded name survive", async () => {
    const { log, kv } = (await use(open)).store;
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary" }), fc.jsonValue(), async (text, value) => {
        const token = encodeToken(text);
        const data = JSON.parse(JSON.stringify(value));
        await log.append("events", `x.${token}`, data);
        expect((await log.last("events", `x.${token}`))?.data).toEqual(data);
        if (seen.has(token)) return;
        seen.add(token);
        expect(await kv.put("runs", token, data, 0)).toBeGreaterThan(0);
        expect((await kv.get("runs", token))?.value).toEqual(data);
      }),
      { numRuns: 40 },
    );
    expect(new Set(await log.subjects("events", "x.*"))).toEqual(new Set([...seen].map((token) => `x.${token}`)));
  });

  test("a name that was not encoded is refused before anything is written", async () => {
    const { log, kv } = (await use(open)).store;
    for (const name of ["", ".", "a.", "a b", "a.*", ">", "a/b", "ü"]) {
      await expect(log.append("events", name, 1), name).rejects.toThrow("is not a subject");
      await expect(kv.put("claims", name, 1, 0), name).rejects.toThrow("is not a");
    }
    expect(await log.position("events")).toBe(0);
  });

  test("big records and values are kept whole", async () => {
    const { log, kv } = (await use(open)).store;
    const big = { text: "é".repeat(200_000) };
    await log.append("journal", "r.1", big);
    expect((await log.last("journal", "r.1"))?.data).toEqual(big);
    await kv.put("settings", "big", big, 0);
    expect((await kv.list("settings"))[0]?.value).toEqual(big);
  });

  test("streams have positions of their own", async () => {
    const { log } = (await use(open)).store;
    for (const stream of ["events", "journal", "dead"] as const) expect(seqOf(await log.append(stream, "a", stream))).toBe(1);
    expect((await log.read("dead", ">")).map((record) => record.data)).toEqual(["dead"]);
  });

  test("an expected sequence is the subject's own; a refused append changes nothing", async () => {
    const { log } = (await use(open)).store;
    expect(await log.append("journal", "run.a", 1, { expect: 0 })).toEqual({ ok: true, seq: 1, duplicate: false });
    expect(await log.append("journal", "run.b", 1, { expect: 0 })).toEqual({ ok: true, seq: 2, duplicate: false });
    expect(await log.append("journal", "run.a", 2, { expect: 1 })).toEqual({ ok: true, seq: 3, duplicate: false });
    for (const stale of [0, 1, 2, 4]) expect(await log.append("journal", "run.a", 3, { expect: stale })).toEqual({ ok: false });
    expect((await log.read("journal", "run.a")).map((record) => record.data)).toEqual([1, 2]);
    expect(await log.position("journal")).toBe(3);
  });

  test("an id is written once in its stream, and the answer names the first record", async () => {
    const { log } = (await use(open)).store;
    await log.append("events", "a", "first", { id: "src/1" });
    expect(await log.append("events", "b", "again", { id: "src/1" })).toEqual({ ok: true, seq: 1, duplicate: true });
    expect(await log.append("events", "a", "again", { id: "src/1", expect: 0 })).toEqual({ ok: true, seq: 1, duplicate: true });
    expect(await log.append("dead", "a", "elsewhere", { id: "src/1" })).toEqual({ ok: true, seq: 1, duplicate: false });
    expect((await log.read("events", ">")).map((record) => record.data)).toEqual(["first"]);
  });

  test("a refused append does not use up its id", async () => {
    const { log } = (await use(open)).store;
    expect(await log.append("journal", "a", 1, { expect: 7, id: "x" })).toEqual({ ok: false });
    expect(await log.append("journal", "a", 1, { expect: 0, id: "x" })).toEqual({ ok: true, seq: 1, duplicate: false });
  });

  test("read, last and subjects answer for exactly their filter", async () => {
    const { log } = (await use(open)).store;
    const subjects = ["node.a", "node.b", "node.a.x", "power.a", "node.a", "no"];
    for (const [index, subject] of subjects.entries()) await log.append("events", subject, index);
    const data = async (filter: string, options?: { after?: number; limit?: number }) =>
      (await log.read("events", filter, options)).map((record) => record.data);
    expect(await data(">")).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await data("node.>")).toEqual([0, 1, 2, 4]);
    expect(await data("node.*")).toEqual([0, 1, 4]);
    expect(await data("*.a")).toEqual([0, 3, 4]);
    expect(await data("node.a")).toEqual([0, 4]);
    expect(await data("node.*.x")).toEqual([2]);
    expect(await data("nothing.>")).toEqual([]);
    expect(await data("node.>", { after: 1 })).toEqual([1, 2, 4]);
    expect(await data("node.>", { after: 1, limit: 2 })).toEqual([1, 2]);
    expect(await data("node.>", { limit: 0 })).toEqual([]);
    expect(await data(">", { after: 6 })).toEqual([]);
    expect(await data(">", { after: 99 })).toEqual([]);
    expect((await log.last("events", "node.a"))?.data).toBe(4);
    expect(await log.last("events", "node")).toBeUndefined();
    expect((await log.subjects("events", "node.>")).toSorted()).toEqual(["node.a", "node.a.x", "node.b"]);
    expect(await log.subjects("events", "nothing.>")).toEqual([]);
  });

  test("long reads are complete and in order", async () => {
    const { log } = (await use(open)).store;
    await Promise.all(range(700).map((index) => log.append("events", `${index % 3 ? "a" : "b"}.${index % 5}`, index)));
    for (const filter of ["a.>", "*.1", ">", "a.1"]) {
      const all = await log.read("events", filter);
      expect(all.map((record) => record.seq)).toEqual(all.map((record) => record.seq).toSorted((a, b) => a - b));
      expect(new Set(all.map((record) => record.seq)).size).toBe({ "a.>": 466, "*.1": 140, ">": 700, "a.1": 93 }[filter]);
      expect(await log.read("events", filter, { after: 100, limit: 80 })).toEqual(all.filter((record) => record.seq > 100).slice(0, 80));
    }
  });

  test("a purge keeps the newest of one subject and never gives a sequence twice", async () => {
    const { log } = (await use(open)).store;
    for (const index of range(4)) {
      await log.append("journal", "a", index);
      await log.append("journal", "ab", index);
    }
    await log.purge("journal", "a", { keep: 1 });
    expect((await log.read("journal", "a")).map((record) => record.data)).toEqual([3]);
    expect((await log.read("journal", "ab")).length).toBe(4);
    await log.purge("journal", "ab");
    await log.purge("journal", "a");
    expect(await log.subjects("journal", ">")).toEqual([]);
    expect(await log.last("journal", "a")).toBeUndefined();
    expect(await log.position("journal")).toBe(8);
    expect(await log.append("journal", "a", "new", { expect: 0 })).toEqual({ ok: true, seq: 9, duplicate: false });
  });

  test("follow gives every record after a position once and in order, while others write", async () => {
    const { log } = (await use(open)).store;
    for (const index of range(20)) await log.append("events", `a.${index % 3}`, index);
    const seen: LogRecord[] = [];
    const writing = Promise.all(range(60).map((index) => log.append("events", `${index % 2 ? "a" : "b"}.1`, index)));
    const stop = await log.follow("events", "a.>", 10, (record) => seen.push(record));
    await writing;
    await log.append("events", "a.end", "end");
    await eventually(() => expect(seen.at(-1)?.data).toBe("end"));
    expect(seen).toEqual(await log.read("events", "a.>", { after: 10 }));
    await stop();
    const before = seen.length;
    const other: LogRecord[] = [];
    const stopOther = await log.follow("events", "a.after", await log.position("events"), (record) => other.push(record));
    await log.append("events", "a.after", "after");
    await eventually(() => expect(other.map((record) => record.data)).toEqual(["after"]));
    expect(seen.length).toBe(before);
    await stopOther();
  });

  test("of many appends at once each gets a sequence; of a race for one subject exactly one wins", async () => {
    const { log } = (await use(open)).store;
    const seqs = (await Promise.all(range(300).map((index) => log.append("events", `s.${index % 7}`, index)))).map(seqOf);
    expect(seqs.toSorted((a, b) => a - b)).toEqual(range(300).map((index) => index + 1));
    let last = 0;
    const won: number[] = [];
    for (const _ of range(5)) {
      const answers = await Promise.all(range(20).map((index) => log.append("journal", "run", index, { expect: last })));
      const winners = answers.flatMap((answer, index) => (answer.ok ? [{ seq: answer.seq, index }] : []));
      expect(winners.length).toBe(1);
      last = winners[0]?.seq ?? -1;
      won.push(winners[0]?.index ?? -1);
    }
    expect((await log.read("journal", "run")).map((record) => record.data)).toEqual(won);
  });

  test("what was written is there after a restart", async () => {
    const opened = await use(open);
    if (!opened.reopen) return;
    await opened.store.log.append("journal", "a", 1, { id: "one" });
    await opened.store.log.append("journal", "a", 2);
    await opened.store.log.purge("journal", "a");
    const { log } = await opened.reopen();
    expect(await log.position("journal")).toBe(2);
    expect(await log.append("journal", "a", 1, { id: "one" })).toEqual({ ok: true, seq: 1, duplicate: true });
    expect(await log.append("journal", "a", 3, { expect: 0 })).toEqual({ ok: true, seq: 3, duplicate: false });
  });

  test("workers see and refuse each other's writes", async () => {
    const opened = await use(open);
    if (!opened.second) return;
    const other = await opened.second();
    const seen: unknown[] = [];
    await other.log.follow("journal", ">", 0, (record) => seen.push(record.data));
    await opened.store.log.append("journal", "a", "mine", { expect: 0 });
    expect(await other.log.append("journal", "a", "theirs", { expect: 0 })).toEqual({ ok: false });
    expect((await other.log.last("journal", "a"))?.data).toBe("mine");
    await eventually(() => expect(seen).toEqual(["mine"]));
  });

  test("an open store is well and says what it is; a closed one refuses every call", async () => {
    const { store } = await use(open);
    const health = await store.health();
    expect(health.ok).toBe(true);
    expect(health.detail).toContain(store.kind);
    await store.close();
    expect((await store.health()).ok).toBe(false);
    for (const [name, call] of Object.entries(everyCall(store))) await expect(call(), name).rejects.toThrow("closed");
    await store.close();
  });
}
