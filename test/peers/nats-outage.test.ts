import { jetstream } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { describe, expect, onTestFinished, test } from "vitest";
import { createNatsStore } from "#adapters/nats/mod.ts";
import type { LogRecord } from "#events";
import { systemClock } from "#events";
import { eventually, gate, range } from "#test/contracts/store/opened.ts";
import { startNatsServer } from "./nats-server.ts";
import { peer } from "./peer.ts";

const program = process.env.NATS_SERVER_NEW ?? peer("nats-server");

async function serverAndStore(patienceMs?: number) {
  const server = await startNatsServer(program ?? "");
  onTestFinished(() => server.close());
  const open = async () => {
    const store = await createNatsStore({ servers: server.url, site: "lab", ...(patienceMs === undefined ? {} : { patienceMs }) });
    onTestFinished(() => store.close());
    return store;
  };
  return { server, store: await open(), open };
}

describe.skipIf(!program)("a nats-server that is killed", () => {
  test("comes back: followers, watchers and consumers go on without a gap, and waiting appends are stored once", async () => {
    const { server, store, open } = await serverAndStore();
    const worker = await open();
    const [followed, settled, keys]: [unknown[], unknown[], string[]] = [[], [], []];
    const held = gate();
    await worker.log.follow("events", "a.>", 0, (record) => followed.push(record.data));
    await worker.kv.watch("claims", (key) => keys.push(key));
    await worker.log.consume("events", ">", "worker", async (record) => {
      if (record.data === 5) await held.opened;
      settled.push(record.data);
    });
    for (const index of range(10)) await store.log.append("events", `a.${index}`, index, { id: `id-${index}` });
    await eventually(() => expect(settled).toEqual([0, 1, 2, 3, 4]));
    await eventually(() => expect(followed.length).toBe(10));
    await server.kill();
    await eventually(async () => expect((await store.health()).ok).toBe(false));
    const waiting = Promise.all(range(5).map((index) => store.log.append("events", `a.${index}`, 10 + index, { id: `late-${index}` })));
    await server.start();
    expect((await waiting).map((answer) => answer.ok)).toEqual([true, true, true, true, true]);
    held.open();
    await store.kv.put("claims", "m1", 1, 0);
    await eventually(() => expect(keys).toContain("m1"));
    await eventually(() => expect(followed.length).toBe(15));
    expect(followed).toEqual((await store.log.read("events", "a.>")).map((record) => record.data));
    await eventually(() => expect(new Set(settled)).toEqual(new Set(range(15))));
    expect((await store.log.subjects("events", ">")).length).toBe(10);
    expect((await store.health()).ok).toBe(true);
  });

  test("stays away: calls reject in bounded time and say what to do", async () => {
    const { server, store } = await serverAndStore(1500);
    await server.kill();
    await eventually(async () => expect((await store.health()).detail).toContain("not connected"));
    const unreachable = { code: "LO_STORE_UNREACHABLE", hint: expect.stringContaining("JetStream") };
    await expect(store.log.append("journal", "a", 1, { expect: 0 })).rejects.toMatchObject(unreachable);
    await expect(store.kv.get("claims", "a")).rejects.toMatchObject(unreachable);
    await expect(createNatsStore({ servers: server.url, site: "lab", patienceMs: 300 })).rejects.toMatchObject({
      code: "LO_STORE_UNREACHABLE",
      message: expect.stringContaining(server.url),
    });
    const pending = expect(store.log.position("events")).rejects.toMatchObject({ code: "LO_STORE_CLOSED" });
    await store.close();
    await pending;
  });

  test("comes up later than we do: opening waits for it", async () => {
    const { server, open } = await serverAndStore();
    await server.kill();
    const opening = open();
    await server.start();
    expect(await (await opening).log.append("journal", "a", 1, { expect: 0 })).toMatchObject({ ok: true });
  });

  test("under load: every acknowledged append is there, and a compare-and-set is never won twice", async () => {
    const { server, store } = await serverAndStore();
    const acknowledged: number[] = [];
    let writing = true;
    const writer = (async () => {
      let [next, expected] = [0, 0];
      while (writing) {
        const answer = await store.log.append("journal", "run.a", next, { expect: expected, id: `entry-${next}` });
        if (!answer.ok) throw new Error(`entry ${next} was refused`);
        acknowledged.push(next);
        expected = answer.seq;
        next += 1;
      }
    })();
    for (const round of [1, 2, 3]) {
      await eventually(() => expect(acknowledged.length).toBeGreaterThan(round * 50));
      await server.kill();
      await server.start();
    }
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(200));
    writing = false;
    await writer;
    const kept = (await store.log.read("journal", "run.a")).map((record) => record.data);
    expect(kept).toEqual(acknowledged);
  });
});

describe.skipIf(!program)("a worker", () => {
  test("keeps what it works on for as long as that takes; what a dead one had goes to it", async () => {
    const server = await startNatsServer(program ?? "");
    onTestFinished(() => server.close());
    const store = await createNatsStore({ servers: server.url, site: "lab", ackWaitMs: 2000 });
    onTestFinished(() => store.close());
    const seen: unknown[] = [];
    const stop = await store.log.consume("events", ">", "worker", async () => {});
    await stop();
    await store.log.append("events", "a", "of the dead");
    const dead = await connect({ servers: server.url });
    const taken = await (await jetstream(dead).consumers.get("LIGHTSOUT_lab_EVENTS", "worker")).next();
    expect(taken?.json()).toBe("of the dead");
    await dead.close();
    const other = await createNatsStore({ servers: server.url, site: "lab", ackWaitMs: 2000 });
    onTestFinished(() => other.close());
    const work = async (record: LogRecord) => {
      seen.push(record.data);
      // Three times the wait: without a sign of life it would be handed out again and again.
      if (record.data === "long") await systemClock.sleep(6_000);
      if (record.data === "long") seen.push("long is done");
    };
    await store.log.append("events", "a", "long");
    await Promise.all([store, other].map((each) => each.log.consume("events", ">", "worker", work)));
    await eventually(() => expect(seen).toContain("long is done"));
    expect(seen.toSorted()).toEqual(["long", "long is done", "of the dead"]);
  });
});
