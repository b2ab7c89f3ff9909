import { describe, type ExpectStatic, type TestContext, test } from "vitest";
import type { RedfishBmc } from "#test/lab/redfish-bmc.ts";
import { startNatsServer } from "#test/peers/nats-server.ts";
import { peer } from "#test/peers/peer.ts";
import { createSite, type Site, type WorkerProcess } from "./outside.ts";

const rounds = Number(process.env.CHAOS_ROUNDS ?? 2);
const seed = Number(process.env.CHAOS_SEED ?? 1);

/** Numbers from 0 to 1 that are the same for the same round (mulberry32). */
function dice(round: number): () => number {
  let state = (seed * 7919 + round * 104_729) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

async function natsSite(context: Pick<TestContext, "onTestFinished">): Promise<Site> {
  const nats = await startNatsServer(peer("nats-server") ?? "");
  context.onTestFinished(() => nats.close());
  return createSite(context, { store: `nats://${nats.url}` });
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
/** Longer than the machine is given to come back, the fence and the boot take together, in milliseconds of the wall. */
const recoveryMs = 5500;

/** Every machine was seen healthy, then the GPU worker hangs; resolves when a run works on it. */
async function hangs(site: Site, worker: WorkerProcess): Promise<void> {
  await site.rack.clock.sleep(30_000);
  site.rack.host("gpu").faults.hang = true;
  await site.until("the run", () => site.run(worker));
}

/** The run ended, or asks a person; the machine was switched off and on at most once, and exactly once where it is back. */
async function settled(site: Site, worker: WorkerProcess, expect: ExpectStatic): Promise<void> {
  const { journal, summary } = await site.until("the end of the run", async () => {
    const run = await site.run(worker);
    return (run?.summary.status === "finished" || run?.summary.status === "parked") && run;
  });
  const last = journal.at(-1);
  const { off, on, reset } = site.rack.host("gpu").count;
  if (last?.is === "parked") {
    expect(last.reason).not.toBe("");
    expect({ off: off <= 1, on: on <= off, reset }).toEqual({ off: true, on: true, reset: 0 });
    return;
  }
  expect({ end: summary.reason, off, on, reset }).toEqual({ end: "ok", off: 1, on: 1, reset: 0 });
  const node = site.rack.kube.node("gpu");
  const tainted = node.spec.taints?.some(({ key }) => key.endsWith("/out-of-service")) ?? false;
  expect({ cordoned: node.spec.unschedulable ?? false, tainted }).toEqual({ cordoned: false, tainted: false });
}

/** Whether it has written anything into a run's journal. */
const worksOnIt = ({ said }: WorkerProcess) => said.some((line) => line.includes('"fact":'));

const stores = [
  { name: "the embedded store", open: (context: Pick<TestContext, "onTestFinished">) => createSite(context), missing: false },
  { name: "nats-server", open: natsSite, missing: !peer("nats-server") },
];

for (const { name, open, missing } of stores) {
  describe.skipIf(missing).concurrent(`a worker that is killed, on ${name}`, { timeout: 300_000 }, () => {
    for (let round = 1; round <= rounds; round += 1) {
      test(`round ${round}: killed and started again, off once and on once`, async (context) => {
        const roll = dice(round);
        const site = await open(context);
        let worker = await site.start();
        await hangs(site, worker);
        for (let kill = 0; kill <= round % 2; kill += 1) {
          await sleep(roll() * recoveryMs);
          await worker.signal("SIGKILL");
          worker = await site.start();
        }
        await settled(site, worker, context.expect);
      });
    }

    test("killed with the request to cut the power on the wire", async (context) => {
      const site = await open(context);
      let worker = await site.start();
      await hangs(site, worker);
      const { promise: requested, resolve: request } = Promise.withResolvers<void>();
      (site.rack.bmcs.get("gpu") as RedfishBmc).intercept = ({ method, path }) => {
        if (method !== "POST" || !path.includes("ComputerSystem.Reset")) return undefined;
        void worker.signal("SIGKILL").then(request);
        (site.rack.bmcs.get("gpu") as RedfishBmc).intercept = undefined;
        return undefined;
      };
      await requested;
      worker = await site.start();
      await settled(site, worker, context.expect);
    });
  });
}

describe.skipIf(!peer("nats-server")).concurrent("several workers on nats-server", { timeout: 300_000 }, () => {
  for (let round = 1; round <= rounds; round += 1) {
    test(`round ${round}: one is stopped, another takes over, the first wakes up`, async (context) => {
      const roll = dice(100 + round);
      const site = await natsSite(context);
      const [first, second] = await Promise.all([site.start(), site.start()]);
      await hangs(site, first);
      await sleep(roll() * recoveryMs);
      // Whichever of the two has the run.
      const owner = worksOnIt(first) ? first : second;
      const other = owner === first ? second : first;
      await owner.signal("SIGSTOP");
      // Longer than its lease and the longest settle.
      await site.rack.clock.sleep(115_000);
      await owner.signal("SIGCONT");
      await settled(site, other, context.expect);
      await site.rack.clock.sleep(30_000);
      context.expect(owner.alive()).toBe(true);
      await settled(site, owner, context.expect);
    });
  }

  test("one is stopped with its request on the wire and wakes when another has brought the machine back", async (context) => {
    const site = await natsSite(context);
    const workers = await Promise.all([site.start(), site.start()]);
    await hangs(site, workers[0]);
    const bmc = site.rack.bmcs.get("gpu") as RedfishBmc;
    const { promise, resolve } = Promise.withResolvers<WorkerProcess>();
    bmc.intercept = ({ method, path }) => {
      if (method !== "POST" || !path.includes("ComputerSystem.Reset")) return undefined;
      bmc.intercept = undefined;
      const owner = workers.find(worksOnIt) ?? workers[0];
      void owner.signal("SIGSTOP").then(() => resolve(owner));
      return undefined;
    };
    const owner = await promise;
    const other = owner === workers[0] ? workers[1] : workers[0];
    await settled(site, other, context.expect);
    await owner.signal("SIGCONT");
    await site.rack.clock.sleep(60_000);
    await settled(site, owner, context.expect);
  });

  test("three race for one lost machine, and for one event: one run each, off once, on once", async (context) => {
    const site = await natsSite(context);
    const workers = await Promise.all([site.start(), site.start(), site.start()]);
    // All three see the machine go, and still it is one incident and one run.
    await hangs(site, workers[1]);
    await site.until("the end of the recovery", async () => (await site.run(workers[2]))?.summary.status === "finished");
    context.expect(site.rack.host("gpu").count).toEqual({ off: 1, on: 1, reset: 0 });

    const event = { type: "power-cycle", data: { machine: "gpu", hard: true }, id: "the-same" };
    const answers = await Promise.all(workers.map((worker) => worker.call<{ runs: string[] }>("POST", "/v1/events", event)));
    context.expect(new Set(answers.flatMap(({ runs }) => runs)).size).toBe(1);
    await site.until("the end", async () => (await site.run(workers[0], "power-cycle"))?.summary.status === "finished");
    context.expect(site.rack.host("gpu").count).toEqual({ off: 2, on: 2, reset: 0 });
    const journal = (await site.run(workers[0], "power-cycle"))?.journal ?? [];
    context.expect(journal.filter((entry) => entry.is === "started")).toHaveLength(1);
  });
});
