import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Picture } from "#adapters/cluster/port.ts";
import { createRack, until } from "./rack.ts";

const rejections: unknown[] = [];
const note = (reason: unknown) => rejections.push(reason);
beforeAll(() => void process.on("unhandledRejection", note));
afterAll(() => {
  process.off("unhandledRejection", note);
  expect(rejections).toEqual([]);
});

async function watched(options: Parameters<typeof createRack>[0] = {}) {
  const rack = await createRack({ ...options, timeouts: { maxBackoff: 5000, ...options.timeouts } });
  const pictures: Picture[] = [];
  const stop = await rack.cluster.watch((picture) => pictures.push(picture));
  const last = () => pictures.at(-1);
  await until(() => expect(last()).toMatchObject({ reachable: true, nodes: [{ ready: "true" }, { ready: "true" }] }));
  await until(() => expect(rack.api.watching()).toBe(2));
  const sees = (mark: string) => until(() => expect(last()?.nodes.find(({ name }) => name === "w1")?.hold?.reason).toBe(mark));
  const proves = async (mark: string) => {
    rack.api.annotate("w1", "lightsout.dev/hold", mark);
    await sees(mark);
    expect(last()?.reachable).toBe(true);
  };
  const lists = () => rack.api.requests.filter(({ path }) => path === "/api/v1/nodes").length;
  return { ...rack, pictures, last, stop, sees, proves, lists };
}

test("tells the whole picture with leases, and every change", async () => {
  const { last, hosts, api, pictures } = await watched();
  const renewed = last()?.nodes[0]?.leaseRenewed;
  expect(renewed).toBeDefined();
  await until(() => expect(last()?.nodes[0]?.leaseRenewed).not.toBe(renewed));
  if (hosts[0]) hosts[0].faults.hang = true;
  await until(() => expect(last()?.nodes.map(({ ready }) => ready)).toEqual(["unknown", "true"]));
  api.remove("nodes", "w2");
  await until(() => expect(last()?.nodes.map(({ name }) => name)).toEqual(["w1"]));
  expect(pictures.every(({ reachable }) => reachable)).toBe(true);
});

test("changes in quick succession make one picture", async () => {
  const { api, sees, pictures } = await watched({ timeouts: { debounce: 20_000 } });
  for (let mark = 0; mark < 50; mark += 1) api.annotate("w1", "lightsout.dev/hold", String(mark));
  await sees("49");
  // Leases are renewed in between, and make pictures of their own.
  const marks = new Set(pictures.map(({ nodes }) => nodes.find(({ name }) => name === "w1")?.hold?.reason));
  expect(marks.size).toBeLessThan(5);
});

describe("survives", () => {
  test("a clean close, without listing again and without a word", async () => {
    const { api, proves, pictures, lists } = await watched();
    for (const mark of ["one", "two", "three"]) {
      api.breakWatches("close");
      await proves(mark);
    }
    expect(pictures.every(({ reachable }) => reachable)).toBe(true);
    expect(lists()).toBe(1);
  });

  test("changes made while no watch was open", async () => {
    const { api, sees, lists } = await watched();
    api.breakWatches("close");
    api.annotate("w1", "lightsout.dev/hold", "missed");
    await sees("missed");
    expect(lists()).toBe(1);
  });

  test("TCP resets, again and again", async () => {
    const { api, proves, pictures } = await watched();
    for (const mark of ["one", "two", "three", "four"]) {
      api.breakWatches("reset");
      await proves(mark);
      await until(() => expect(api.watching()).toBe(2));
    }
    expect(pictures.every(({ reachable }) => reachable)).toBe(true);
  });

  test("410 in the stream: it lists again, and forgets what is gone", async () => {
    const { api, proves, last, lists } = await watched();
    api.mute(true);
    api.remove("nodes", "w2");
    api.mute(false);
    api.breakWatches("gone");
    await proves("one");
    expect(last()?.nodes.map(({ name }) => name)).toEqual(["w1"]);
    expect(lists()).toBeGreaterThan(1);
  });

  test("410 as the status of the watch", async () => {
    const { api, proves, pictures } = await watched();
    let left = 2;
    api.intercept(({ path }) => (path.includes("watch=true") && left-- > 0 ? { code: 410, body: { reason: "Expired" } } : undefined));
    api.breakWatches("close");
    await proves("one");
    expect(pictures.every(({ reachable }) => reachable)).toBe(true);
  });

  test("a watch that cannot be opened: it lists instead", async () => {
    const { api, sees, last } = await watched();
    api.intercept(({ path }) => (path.includes("watch=true") ? { code: 403, body: { reason: "Forbidden" } } : undefined));
    api.breakWatches("close");
    await until(() => expect(api.watching()).toBe(0));
    api.annotate("w1", "lightsout.dev/hold", "listed");
    await sees("listed");
    expect(last()?.reachable).toBe(true);
  });

  test("a server that ends every watch at once, without being asked in a tight loop", async () => {
    const { api, clock, sees, last } = await watched({ timeouts: { maxBackoff: 10_000 } });
    api.intercept(({ path }) => (path.includes("watch=true") ? { code: 410, body: { reason: "Expired" } } : undefined));
    api.breakWatches("close");
    const before = api.requests.length;
    await clock.sleep(60_000);
    expect(api.requests.length - before).toBeLessThan(80);
    api.annotate("w1", "lightsout.dev/hold", "polled");
    await sees("polled");
    expect(last()?.reachable).toBe(true);
  });

  test("a connection that died without a word", async () => {
    const { api, sees, lists } = await watched({ timeouts: { nodeIdle: 5000, leaseIdle: 5000 } });
    api.mute(true);
    api.annotate("w1", "lightsout.dev/hold", "unheard");
    await sees("unheard");
    expect(lists()).toBeGreaterThan(1);
  });

  test("an API without bookmarks", async () => {
    const { api, proves, lists } = await watched({ timeouts: { nodeIdle: 5000 } });
    api.bookmarks(false);
    await until(() => expect(lists()).toBeGreaterThan(2));
    await proves("one");
  });

  test("garbage in the stream and in the list", async () => {
    const { api, proves, last, problems } = await watched();
    const answers = ["{]", { kind: "NodeList" }, { metadata: { resourceVersion: "1" }, items: {} }, [], null];
    let next = 0;
    api.intercept(({ path }) => {
      const body = path.startsWith("/api/v1/nodes") ? answers[next++] : undefined;
      return body === undefined ? undefined : { code: 200, body };
    });
    api.breakWatches("gone");
    await until(() => expect(last()?.reachable).toBe(false));
    await proves("one");
    expect(problems).toMatchObject([{ code: "LO_CLUSTER_PROTOCOL" }]);
  });

  test("a listener that throws", async () => {
    const { cluster, api, proves, problems } = await watched();
    const stop = await cluster.watch(() => {
      throw new Error("listener");
    });
    await until(() => expect(problems).toMatchObject([{ message: "listener" }]));
    await stop();
    api.breakWatches("close");
    await proves("one");
  });
});

describe("an API that cannot be reached", () => {
  for (const mode of ["refused", "unavailable", "reset", "hang"] as const) {
    test(`(${mode}) is said so once, keeps the last picture, and is not all nodes lost`, async () => {
      const { api, last, pictures, proves, problems } = await watched(mode === "hang" ? { timeouts: { request: 60_000 } } : {});
      await api.mode(mode);
      api.breakWatches("close");
      await until(() => expect(last()?.reachable).toBe(false));
      expect(last()?.nodes.map(({ name, ready }) => [name, ready])).toEqual([
        ["w1", "true"],
        ["w2", "true"],
      ]);
      await api.mode("ok");
      await proves("back");
      expect(pictures.filter(({ reachable }) => !reachable)).toHaveLength(1);
      expect(problems.length).toBeGreaterThan(0);
    });
  }

  test("at the start: unreachable with no nodes, then the picture", async () => {
    const { api, cluster } = await createRack();
    await api.mode("refused");
    const pictures: Picture[] = [];
    await cluster.watch((picture) => pictures.push(picture));
    await until(() => expect(pictures).toEqual([{ reachable: false, nodes: [] }]));
    await api.mode("ok");
    await until(() => expect(pictures.at(-1)).toMatchObject({ reachable: true, nodes: [{ name: "w1" }, { name: "w2" }] }));
    expect(pictures.filter(({ reachable, nodes }) => reachable && nodes.length < 2)).toEqual([]);
  });

  test("only the leases: that is unreachable too, or a stale lease would look like a lost node", async () => {
    const { api, last } = await watched();
    api.intercept(({ path }) => (path.includes("kube-node-lease") ? { code: 503, body: {} } : undefined));
    api.breakWatches("close");
    await until(() => expect(last()?.reachable).toBe(false));
    api.intercept(undefined);
    await until(() => expect(last()?.reachable).toBe(true));
  });
});

test("after stop nothing is told, and the connections are closed", async () => {
  const { api, stop, pictures } = await watched();
  await stop();
  const told = pictures.length;
  await until(() => expect(api.watching()).toBe(0));
  api.annotate("w1", "lightsout.dev/hold", "late");
  await until(() => expect(api.node("w1").metadata.annotations).toHaveProperty(["lightsout.dev/hold"]));
  expect(pictures).toHaveLength(told);
});
