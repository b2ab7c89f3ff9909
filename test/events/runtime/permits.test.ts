import { expect, test } from "vitest";
import { type ActVerb, admit, type Permit, type Step } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { createRig } from "./rig.ts";
import { type Box, pressed, type ToyPorts, toyFunction, turn } from "./toy.ts";

const looksLike = (more: Partial<Permit> = {}): Permit => ({
  run: "r",
  step: "s",
  attempt: 1,
  machine: "box",
  verb: "force-off",
  gate: () => undefined,
  signal: new AbortController().signal,
  ...more,
});

test("promise 11: a port refuses what is no permit, or was not minted by the runtime", () => {
  for (const forged of [undefined, null, {}, "permit", looksLike()]) {
    expect(() => admit(forged as Permit, "box", "force-off")).toThrow("refused: no permit");
  }
  const real = mintPermit(looksLike());
  expect(() => admit({ ...real }, "box", "force-off")).toThrow("refused: no permit");
  expect(() => admit(Object.create(real), "box", "force-off")).toThrow("refused: no permit");
});

test("promise 11: a permit is for one machine, one verb and one use", () => {
  expect(() => admit(mintPermit(looksLike()), "another", "force-off")).toThrow("the permit is for box");
  expect(() => admit(mintPermit(looksLike()), "box", "power-on", "reset")).toThrow("the permit is for force-off");
  const permit = mintPermit(looksLike());
  admit(permit, "box", "power-off", "force-off");
  expect(() => admit(permit, "box", "force-off")).toThrow("used already");
});

test("promise 11: a permit whose time was over before it began reached nothing", () => {
  const permit = mintPermit(looksLike({ signal: AbortSignal.abort() }));
  expect(() => admit(permit, "box", "force-off")).toThrow(expect.objectContaining({ code: "LO_GATE_CLOSED", effect: "none" }));
});

/** Runs a handler that tries something it must not, and answers how the run ended. */
async function refused(handler: (step: Step, box: Box["port"]) => Promise<unknown>): Promise<{ end: string | undefined; writes: number }> {
  const rig = createRig();
  const spec = toyFunction(async ({ step, ports }) => void (await handler(step, ports.box)));
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "finished");
  return { end: (await rig.lines(spec, id)).at(-1), writes: rig.box.writes.length };
}

test("promise 11: an actuating call from step.run neither compiles nor runs", async () => {
  // @ts-expect-error a port that acts asks for a permit
  const bare = (ports: ToyPorts) => ports.box.press();
  const { end, writes } = await refused((step, box) => step.run("off", () => bare({ box }), { attempts: 1 }));
  expect(end).toContain("refused: no permit");
  expect(writes).toBe(0);
});

test("promise 11: a permit kept from an act is worth nothing afterwards, neither here nor in step.run", async () => {
  let kept: Permit | undefined;
  const { end, writes } = await refused(async (step, box) => {
    const keep = async (permit: Permit) => {
      kept = permit;
      return box.press(permit);
    };
    await step.act("off", turn(box, "off", { perform: keep }));
    await step.run("again", async () => (kept ? box.press(kept) : "nothing kept"), { attempts: 1 });
  });
  expect(end).toContain("the permit was used already");
  expect(writes).toBe(1);
});

test("promise 11: when an act is over its gate is shut, also before the deadline: what it left running sends nothing", async () => {
  const rig = createRig();
  const late: Promise<string>[] = [];
  const spec = toyFunction(async ({ step, ports }) => {
    const leave = async (permit: Permit) => {
      late.push(rig.clock.sleep(1000).then(() => ports.box.press(permit)));
      late[0]?.catch(() => undefined);
      return "done, it says";
    };
    await step.act("off", turn(ports.box, "off", { perform: leave }), { attempts: 1 });
  });
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "parked");
  await expect(late[0]).rejects.toThrow("not sent: the act is over");
  expect(rig.box.writes).toEqual([]);
});

test("promise 11: a permit that was not used in time no longer opens the gate", async () => {
  const rig = createRig();
  let kept: Permit | undefined;
  const spec = toyFunction(async ({ step, ports }) => {
    const keep = async (permit: Permit) => {
      kept = permit;
      return "kept for later";
    };
    await step.act("off", turn(ports.box, "off", { perform: keep }), { attempts: 1 });
  });
  await rig.spawn({ functions: [spec] });
  const id = await rig.send(pressed, { machine: "box" });
  await rig.untilLine(spec, id, "parked");
  expect(() => kept?.gate()).toThrow("not sent");
  expect(rig.box.writes).toEqual([]);
});

const wrong: Record<string, [Parameters<typeof turn>[2], string]> = {
  "promise 12: a settle shorter than gate deadline + timeout + latency is refused when the act is defined": [
    { settle: "14s" },
    "settle 14s is shorter than gate deadline + timeout + latency (15 s)",
  ],
  "promise 12: the defaults count: timeout 20 s and latency 5 s": [{ settle: "29s", timeout: "20s" }, "(30 s)"],
  "promise 14: an act that the function does not declare is refused": [
    { verb: "reset" satisfies ActVerb },
    "function toy does not declare the act reset",
  ],
  "promise 15: an act on a machine that the run does not hold is refused": [
    { machine: "another" },
    'step "off" acts on another, but this run holds box',
  ],
};
for (const [name, [options, why]] of Object.entries(wrong)) {
  test(name, async () => {
    const { end, writes } = await refused((step, box) => step.act("off", turn(box, "off", options)));
    expect(end).toContain(why);
    expect(writes).toBe(0);
  });
}
