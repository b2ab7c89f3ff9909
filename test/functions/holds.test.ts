import { describe, expect, test } from "vitest";
import { freezeGuard } from "#functions/guards/holds.ts";
import { lastOf, type Rig, rack, startRig, untouched } from "./rig.ts";

const cycle = (rig: Rig, machine = "gpu-02") => rig.say("power-cycle", { machine });
const minutes = 60_000;

describe("a hold by annotation of the Node", () => {
  test("holds as any other, and the refusal names it", async () => {
    const rig = await startRig({ machines: rack });
    const box = rig.world.machine("gpu-02");
    box.node.hold = { reason: "benchmark until Friday" };
    const run = await cycle(rig);
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain("Node gpu-02 is annotated lightsout.dev/hold=benchmark until Friday");
    expect(box.did).toEqual(untouched);
  });

  test("ends when its time is over", async () => {
    const rig = await startRig({ machines: rack });
    const until = new Date(rig.clock.now() + 30 * minutes).toISOString();
    rig.world.machine("gpu-02").node.hold = { reason: "fans", until };
    const run = await cycle(rig);
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain(`lightsout.dev/hold=fans until ${until}`);
    await rig.clock.sleep(31 * minutes);
    expect(await rig.ended(await cycle(rig))).toBe("ok");
  });

  // What Date alone would take for a moment long ago must not end a hold.
  test.each(["tomorrow", "5", "2020-01-01", "2020-01-01T10:00", "2020-13-45T99:00:00Z", ""])(
    "with %j for an end it holds without one, and says so",
    async (until) => {
      const rig = await startRig({ machines: rack });
      rig.world.machine("gpu-02").node.hold = { reason: "fans", until };
      const run = await cycle(rig);
      expect(await rig.ended(run)).toBe("refused");
      expect(await lastOf(rig, run)).toContain(`without an end: lightsout.dev/hold-until=${until} is no time`);
    },
  );

  test("counts as it was last seen while the cluster does not answer, until a person releases the machine", async () => {
    const rig = await startRig({ machines: rack, watch: true });
    const box = rig.world.machine("gpu-02");
    expect(await rig.ended(await rig.say("power-off-requested", { machine: "gpu-02", hard: true }))).toBe("ok");
    box.node.hold = { reason: "hands in it" };
    await rig.clock.sleep(5000);
    rig.world.api.reachable = false;
    const held = await rig.say("power-on-requested", { machine: "gpu-02" });
    expect(await rig.ended(held)).toBe("refused");
    expect(await lastOf(rig, held)).toContain(
      "the cluster does not answer, and its Node was annotated lightsout.dev/hold=hands in it. If that is over: lightsout release gpu-02",
    );
    expect(box.power()).toBe("off");

    await rig.say("hold-released", { scope: "machine", name: "gpu-02" });
    await rig.say("power-on-requested", { machine: "gpu-02" });
    await rig.until("it is on", () => box.power() === "on");
  });

  test("taken off before the cluster went away it does not count, and its end counts while it is away", async () => {
    const rig = await startRig({
      machines: [...rack.slice(3), "gpu-01", ...["gpu-02", "gpu-03"].map((name) => ({ name, off: true }))],
      watch: true,
    });
    const on = (machine: string) => rig.say("power-on-requested", { machine });
    const isOn = (machine: string) => rig.until(`${machine} is on`, () => rig.world.machine(machine).power() === "on");
    rig.world.machine("gpu-02").node.hold = { reason: "hands in it" };
    rig.world.machine("gpu-03").node.hold = { reason: "fans", until: new Date(rig.clock.now() + 30 * minutes).toISOString() };
    await rig.clock.sleep(5000);
    rig.world.machine("gpu-02").node.hold = undefined;
    await rig.clock.sleep(5000);
    rig.world.api.reachable = false;
    await on("gpu-02");
    await isOn("gpu-02");
    expect(await rig.ended(await on("gpu-03"))).toBe("refused");
    await rig.clock.sleep(30 * minutes);
    await on("gpu-03");
    await isOn("gpu-03");
  });
});

describe("a hold covers what it names and nothing else", () => {
  const machines = [
    { name: "gpu-01", rack: "a", pool: "gpu" },
    { name: "gpu-02", rack: "b", pool: "gpu" },
    { name: "db-01", rack: "a", pool: "db" },
  ];
  test.each([
    ["machine", "gpu-01", ["gpu-01"]],
    ["pool", "gpu", ["gpu-01", "gpu-02"]],
    ["rack", "a", ["gpu-01", "db-01"]],
    ["all", "all", ["gpu-01", "gpu-02", "db-01"]],
  ] as const)("%s %s, until it is released", async (scope, name, covered) => {
    const rig = await startRig({ machines });
    await rig.say("hold-requested", { scope, name, reason: "cables" }, { actor: "bob" });
    for (const machine of machines) {
      const run = await cycle(rig, machine.name);
      const held = (covered as readonly string[]).includes(machine.name);
      expect(await rig.ended(run), machine.name).toBe(held ? "refused" : "ok");
      if (held) expect(await lastOf(rig, run)).toContain(`held by bob (${scope} ${name}): cables`);
    }
    await rig.say("hold-released", { scope, name });
    for (const machine of covered) expect(await rig.ended(await cycle(rig, machine)), machine).toBe("ok");
  });

  test("one with an end is over by itself, and says until when it lasts", async () => {
    const rig = await startRig({ machines });
    const until = new Date(rig.clock.now() + 2 * 60 * minutes).toISOString();
    await rig.say("hold-requested", { scope: "rack", name: "a", reason: "cables", until }, { actor: "bob" });
    const run = await cycle(rig, "db-01");
    expect(await rig.ended(run)).toBe("refused");
    expect(await lastOf(rig, run)).toContain(`held by bob (rack a, until ${until}): cables`);
    await rig.clock.sleep(2 * 60 * minutes);
    expect(await rig.ended(await cycle(rig, "db-01"))).toBe("ok");
  });
});

test("the STOP file stops with the store down, and without it a store that does not answer is no leave to act", async () => {
  const down = async (): Promise<never> => {
    throw new Error("the store is down");
  };
  let file: string | undefined = "/run/STOP";
  const guard = freezeGuard({ stopFile: () => file, settings: { freeze: down } });
  const intent = undefined as never;
  expect(await guard.check(intent)).toEqual({ says: "wait", reason: "the STOP file /run/STOP is there" });
  file = undefined;
  await expect(guard.check(intent)).rejects.toThrow("the store is down");
});
