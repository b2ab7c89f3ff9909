import fc from "fast-check";
import { expect, it } from "vitest";
import { createMachine, type Fault } from "./booting.ts";
import { createRig } from "./rig.ts";

const bootUrl = "http://boot.example:7481";
const query = "mac=3c:ec:ef:12:34:56";
const own = "# for gpu-02, r1\nmachine: {}\n";

async function rig(disk?: string) {
  const boot = await createRig({ bootUrl });
  return { ...boot, machine: createMachine({ url: boot.url, bootUrl, query, ...(disk !== undefined && { disk }) }) };
}

it("a machine that starts from the network for ever installs once", async () => {
  const { arm, machine } = await rig();
  await arm();
  const starts: string[] = [];
  for (let start = 0; start < 200; start += 1) starts.push(await machine.start());
  expect([starts[0], new Set(starts.slice(1))]).toEqual(["installed", new Set(["disk"])]);
  expect(machine.disk()).toBe(own);
});

it("a machine with an old system wipes once, installs once, and then starts it for ever", async () => {
  const { arm, arms, machine } = await rig("# the old one");
  await arm("gpu-02", "r1", { wipe: true });
  const starts: string[] = [];
  for (let start = 0; start < 50; start += 1) {
    starts.push(await machine.start());
    // The record of the sent initramfs follows its last byte.
    await expect.poll(async () => (await arms.of("gpu-02"))?.wiping).toBe(false);
  }
  expect([starts.slice(0, 2), new Set(starts.slice(2))]).toEqual([["wiped", "installed"], new Set(["disk"])]);
});

it("without wiping, an old configuration wins and the new one is never handed out", async () => {
  const { arm, arms, machine } = await rig("# the old one");
  await arm();
  for (let start = 0; start < 5; start += 1) expect(await machine.start()).toBe("old-config");
  expect((await arms.of("gpu-02"))?.state).toBe("armed");
});

it("a machine that was never armed starts its disk for ever", async () => {
  const { machine } = await rig("# its own");
  for (let start = 0; start < 50; start += 1) expect(await machine.start()).toBe("disk");
  expect(machine.disk()).toBe("# its own");
});

it("whatever fails on the way, however often it is armed: one install a run at most, and none after it", async () => {
  const fault = fc.constantFrom<Fault>("none", "script-lost", "kernel-lost", "initramfs-lost", "config-lost", "power-lost");
  const happening = fc.oneof(
    { weight: 4, arbitrary: fault },
    { weight: 2, arbitrary: fc.constant("arm") },
    { weight: 1, arbitrary: fc.constantFrom("disarm", "consume") },
    { weight: 1, arbitrary: fc.constant("next-run") },
  );
  const { arm, arms, url } = await createRig({ bootUrl });
  let count = 0;
  const nextRun = () => {
    count += 1;
    return `run-${count}`;
  };
  await fc.assert(
    fc.asyncProperty(fc.array(happening, { maxLength: 25 }), async (happenings) => {
      const machine = createMachine({ url, bootUrl, query });
      const installs = new Map<string, number>();
      let run = nextRun();
      for (const one of happenings) {
        if (one === "arm") await arm("gpu-02", run).catch(() => undefined);
        else if (one === "disarm") await arms.disarm("gpu-02", { run, why: "asked" });
        else if (one === "consume") await arms.consume("gpu-02", run, "joined");
        else if (one === "next-run") {
          await arms.disarm("gpu-02", { run, why: "ended" });
          run = nextRun();
        } else if ((await machine.start(one)) === "installed") {
          installs.set(run, (installs.get(run) ?? 0) + 1);
          expect(machine.disk()).toBe(`# for gpu-02, ${run}\nmachine: {}\n`);
        }
      }
      expect([...installs.values()].every((times) => times === 1)).toBe(true);
      await arms.disarm("gpu-02", { why: "the history ended" });
    }),
    { numRuns: 30 },
  );
});
