import { expect, test } from "vitest";
import type { Json, KvEntry } from "#events";
import type { OpenStore } from "./opened.ts";
import { eventually, range, use } from "./opened.ts";

/** What a store promises of its buckets. */
export function keyValue(open: OpenStore): void {
  test("a key is written only at its revision, and a refused write is a value that changes nothing", async () => {
    const { kv } = (await use(open)).store;
    expect(await kv.get("claims", "m1")).toBeUndefined();
    expect(await kv.put("claims", "m1", { run: "a" }, 5)).toBeUndefined();
    const first = await kv.put("claims", "m1", { run: "a" }, 0);
    if (first === undefined) throw new Error("a new key was refused");
    expect(await kv.put("claims", "m1", { run: "b" }, 0)).toBeUndefined();
    expect(await kv.put("claims", "m1", { run: "b" }, first + 1)).toBeUndefined();
    expect(await kv.get("claims", "m1")).toEqual({ key: "m1", value: { run: "a" }, revision: first });
    const second = await kv.put("claims", "m1", { run: "b" }, first);
    expect(second).toBeGreaterThan(first);
    expect(await kv.put("claims", "m1", { run: "c" }, first)).toBeUndefined();
    expect(await kv.get("claims", "m1")).toEqual({ key: "m1", value: { run: "b" }, revision: second });
  });

  test("a key is deleted only at its revision, and its next life has a higher one", async () => {
    const { kv } = (await use(open)).store;
    expect(await kv.delete("claims", "m1", 0)).toBe(false);
    expect(await kv.delete("claims", "m1", 1)).toBe(false);
    const first = (await kv.put("claims", "m1", 1, 0)) ?? -1;
    expect(await kv.delete("claims", "m1", 0)).toBe(false);
    expect(await kv.delete("claims", "m1", first + 1)).toBe(false);
    expect(await kv.delete("claims", "m1", first)).toBe(true);
    expect(await kv.get("claims", "m1")).toBeUndefined();
    expect(await kv.list("claims")).toEqual([]);
    expect(await kv.delete("claims", "m1", first)).toBe(false);
    expect(await kv.put("claims", "m1", 2, first)).toBeUndefined();
    expect(await kv.put("claims", "m1", 2, 0)).toBeGreaterThan(first);
  });

  test("buckets are apart, and a list has every live key with its newest value", async () => {
    const { kv } = (await use(open)).store;
    await kv.put("claims", "a", "claim", 0);
    await kv.put("ledger", "a", "ledger", 0);
    const revision = (await kv.put("ledger", "b.c", 1, 0)) ?? -1;
    await kv.put("ledger", "b.c", 2, revision);
    expect((await kv.list("claims")).map(({ key, value }) => [key, value])).toEqual([["a", "claim"]]);
    expect((await kv.list("ledger")).map(({ key, value }) => [key, value]).toSorted()).toEqual([
      ["a", "ledger"],
      ["b.c", 2],
    ]);
  });

  test("a long list is whole: what was replaced has its newest value, what was deleted is gone, what is written meanwhile is not lost", async () => {
    const { kv } = (await use(open)).store;
    const revisions = await Promise.all(range(300).map((index) => kv.put("runs", `k${index}`, index, 0)));
    const at = (index: number) => revisions[index] ?? -1;
    await Promise.all(range(50).map((index) => kv.put("runs", `k${index * 3}`, "new", at(index * 3))));
    await Promise.all(range(20).map((index) => kv.delete("runs", `k${index * 3 + 1}`, at(index * 3 + 1))));
    const wanted = range(300).flatMap((index) => {
      if (index % 3 === 1 && index < 60) return [];
      return [[`k${index}`, index % 3 === 0 && index < 150 ? "new" : index]];
    });
    const named = (entries: readonly KvEntry[]) => new Map(entries.map(({ key, value }) => [key, value]));
    const list = await kv.list("runs");
    expect(list).toHaveLength(280);
    expect(named(list)).toEqual(new Map(wanted as [string, Json][]));
    for (const { key, revision } of list.slice(0, 5)) expect((await kv.get("runs", key))?.revision).toBe(revision);

    let [revision, writing] = [at(299), true];
    const writer = (async () => {
      for (let round = 0; writing; round += 1) revision = (await kv.put("runs", "k299", round, revision)) ?? -1;
    })();
    for (const _ of range(5)) expect([...named(await kv.list("runs")).keys()].toSorted()).toEqual(wanted.map(([key]) => key).toSorted());
    writing = false;
    await writer;
  });

  test("of many writers of one key exactly one wins each round", async () => {
    const { kv } = (await use(open)).store;
    let revision = 0;
    for (const _ of range(5)) {
      const answers = await Promise.all(range(20).map((index) => kv.put("leases", "poller", index, revision)));
      const won = answers.flatMap((answer, index) => (answer === undefined ? [] : [{ answer, index }]));
      expect(won.length).toBe(1);
      expect(await kv.get("leases", "poller")).toEqual({ key: "poller", value: won[0]?.index, revision: won[0]?.answer });
      revision = won[0]?.answer ?? -1;
    }
  });

  test("a watch hints at every change from now on, in its bucket, until it is stopped", async () => {
    const { kv } = (await use(open)).store;
    await kv.put("settings", "before", 1, 0);
    const seen: string[] = [];
    const stop = await kv.watch("settings", (key) => seen.push(key));
    const revision = (await kv.put("settings", "a.b", 1, 0)) ?? -1;
    await eventually(() => expect(seen).toContain("a.b"));
    seen.length = 0;
    await kv.delete("settings", "a.b", revision);
    await eventually(() => expect(seen).toContain("a.b"));
    await kv.put("claims", "elsewhere", 1, 0);
    await kv.put("settings", "last", 1, 0);
    await eventually(() => expect(seen).toContain("last"));
    expect(seen).not.toContain("elsewhere");
    expect(seen).not.toContain("before");
    await stop();
    seen.length = 0;
    const others: string[] = [];
    await kv.watch("settings", (key) => others.push(key));
    await kv.put("settings", "unseen", 1, 0);
    await eventually(() => expect(others).toContain("unseen"));
    expect(seen).toEqual([]);
  });

  test("keys and revisions survive a restart", async () => {
    const opened = await use(open);
    if (!opened.reopen) return;
    const kept = await opened.store.kv.put("ledger", "kept", { power: "off" }, 0);
    const gone = (await opened.store.kv.put("ledger", "gone", 1, 0)) ?? -1;
    await opened.store.kv.delete("ledger", "gone", gone);
    const { kv } = await opened.reopen();
    expect(await kv.list("ledger")).toEqual([{ key: "kept", value: { power: "off" }, revision: kept }]);
    expect(await kv.put("ledger", "gone", 2, 0)).toBeGreaterThan(gone);
  });

  test("workers share their keys", async () => {
    const opened = await use(open);
    if (!opened.second) return;
    const other = await opened.second();
    const seen: string[] = [];
    await other.kv.watch("claims", (key) => seen.push(key));
    const revision = await opened.store.kv.put("claims", "m1", "mine", 0);
    expect(await other.kv.put("claims", "m1", "theirs", 0)).toBeUndefined();
    expect(await other.kv.get("claims", "m1")).toEqual({ key: "m1", value: "mine", revision });
    await eventually(() => expect(seen).toContain("m1"));
  });
}
