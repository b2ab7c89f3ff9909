import { expect, test } from "vitest";
import { approvalDecided, nodeReady, nodeSick, openObligations } from "#events";
import { crashEverywhere, type HitOptions, type Scenario } from "#events/testing/mod.ts";
import { type Box, createBox, toyFunction, turn } from "./toy.ts";

const cordon = { kind: "cordon", machine: "box", undo: "kubectl uncordon box" } as const;

/** All seven verbs, in the order of a repair. */
const repair = toyFunction(
  async ({ step, ports, event }) => {
    const { machine } = event.data;
    if (await step.waitFor("returns by itself", nodeReady, { within: "1m", where: ({ bootID }) => bootID === "by itself" })) return;
    await step.run("cordon", () => 1, { leaves: cordon });
    await step.approve("may it be cycled", { ask: "Cycle it?", plan: { machine }, within: "1h" });
    await step.act("off", turn(ports.box, "off"));
    await step.sleep("let it cool", "90s");
    await step.act("on", turn(ports.box, "on"));
    await step.until("it is on", async () => (await ports.box.look()) === "on", { every: "10s", within: "5m", wakeOn: nodeReady as never });
    await step.waitFor("ready", nodeReady, { within: "10m" });
    await step.emit("tell", nodeSick, { machine, reason: "repaired" });
    await step.run("uncordon", () => 1, { clears: "cordon" });
  },
  { timeout: "2h" },
);

/** A person who approves what is asked, and a node that says that it is ready every now and then. */
const scenario: Scenario<Box> = {
  world: (clock) => createBox(clock),
  ports: (box) => ({ box: box.port }),
  data: { machine: "box" },
  meanwhile(worker, run, clock) {
    const { bus, store } = worker.office;
    void (async () => {
      for (let n = 0; n < 200; n += 1) {
        await clock.sleep(20_000);
        for (const record of await store.log.read("events", "*.approval-requested.>")) {
          const { step, nonce, digest } = (record.data as unknown as { data: { step: string; nonce: string; digest: string } }).data;
          await bus.publish(approvalDecided, { run, step, nonce, digest, approve: true }, { id: nonce, source: "person", actor: "ana" });
        }
        await bus.publish(nodeReady, { machine: "box", bootID: `${n}` }, { id: `ready-${n}`, source: "node" });
      }
    })();
  },
};

const hits: HitOptions[] = [
  { how: "crash", skewMs: 0 },
  { how: "crash", skewMs: -180_000 },
  { how: "stop", skewMs: 180_000 },
];
for (const options of hits) {
  const { how, skewMs = 0 } = options;
  test(`all seven verbs, hit everywhere: ${how}, clocks ${skewMs / 1000} s apart: every promise of a step is kept`, async () => {
    const histories = await crashEverywhere(
      repair,
      scenario,
      ({ world: box, status, journal }) => {
        expect(status).toBe("ok");
        expect(box.did).toEqual({ on: 1, off: 1 });
        expect(box.writes.map((write) => write.verb)).toEqual(["force-off", "power-on"]);
        const done = journal.flatMap((entry) => (entry.is === "done" ? [entry.step] : []));
        expect(done).toEqual(["returns by itself", "cordon", "may it be cycled", "let it cool", "it is on", "ready", "tell", "uncordon"]);
        expect(journal.filter((entry) => entry.is === "asked")).toHaveLength(1);
        expect(journal.filter((entry) => entry.is === "finished")).toHaveLength(1);
        expect(openObligations(journal)).toEqual([]);
      },
      options,
    );
    expect(histories.length).toBeGreaterThan(60);
  });
}
