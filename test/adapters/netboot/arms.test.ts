import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createArms } from "#adapters/netboot/mod.ts";
import type { Arms, BootProfile } from "#adapters/netboot/port.ts";
import { createMemoryStore, systemClock } from "#events";
import { createFakeTime } from "#events/testing/mod.ts";

const schematic = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";
const profile: BootProfile = {
  kernel: `${schematic}/v1.13.9/kernel-amd64`,
  initramfs: `${schematic}/v1.13.9/initramfs-amd64.xz`,
  args: ["talos.platform=metal", "console=tty0"],
};
const hour = 3_600_000;

function rig() {
  const clock = createFakeTime().clock();
  const store = createMemoryStore({ clock });
  const arms = createArms({ kv: store.kv, clock });
  const arm = (run = "r1", more: Partial<BootProfile> = {}) => arms.arm("gpu-02", { run, profile: { ...profile, ...more }, within: "1h" });
  return { arms, arm, clock, store, stages: async () => (await arms.of("gpu-02"))?.evidence.map((one) => one.stage) };
}

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => undefined,
    (error: { code: string }) => error.code,
  );

describe("an arm", () => {
  it("goes from the script to the configuration and is consumed, with evidence of each stage", async () => {
    const { arms, arm, stages } = rig();
    const token = await arm();
    expect(await arms.script("gpu-02")).toMatchObject({ token, arm: { run: "r1", state: "armed" } });
    await arms.sent(token, "kernel-sent", "10.0.0.7");
    await arms.sent(token, "initramfs-sent", "10.0.0.7");
    expect(await arms.take(token, "10.0.0.7")).toMatchObject({ ok: true, arm: { machine: "gpu-02", state: "taken" } });
    expect(await arms.consume("gpu-02", "r1", "its API answers with the cluster's certificate")).toBe(true);
    expect(await stages()).toEqual(["armed", "script-fetched", "kernel-sent", "initramfs-sent", "config-sent", "consumed"]);
  });

  it("offers nothing to boot from the moment its configuration was handed out", async () => {
    const { arms, arm } = rig();
    const token = await arm();
    await arms.take(token, "10.0.0.7");
    expect(await arms.script("gpu-02")).toBeUndefined();
    expect(await arms.open(token)).toBeUndefined();
  });

  it("shows its token to nobody who only looks", async () => {
    const { arms, arm } = rig();
    const token = await arm();
    expect(JSON.stringify([await arms.of("gpu-02"), await arms.all(), await arms.open(token)])).not.toContain(token);
  });

  it("is the same arm for the same run, and refused to another until it is taken back", async () => {
    const { arms, arm } = rig();
    const token = await arm();
    expect(await arm()).toBe(token);
    await expect(arm("r2")).rejects.toThrow(/gpu-02 is armed already, by run r1/);
    await arms.disarm("gpu-02", { run: "r1", why: "the run ended" });
    expect(await arm("r2")).not.toBe(token);
    expect(await arms.open(token)).toBeUndefined();
  });

  it("is one-shot for its run: used or taken back, it is not given again", async () => {
    const { arms, arm } = rig();
    await arms.take(await arm(), "10.0.0.7");
    expect(await codeOf(arm())).toBe("LO_ARM_SPENT");
    await arms.disarm("gpu-02", { run: "r1", why: "failed" });
    expect(await codeOf(arm())).toBe("LO_ARM_SPENT");
  });

  it("expires: then it opens nothing, and its own run may renew it", async () => {
    const { arms, arm, clock } = rig();
    const token = await arm();
    await clock.sleep(hour);
    expect(await arms.script("gpu-02")).toBeUndefined();
    expect(await arms.open(token)).toBeUndefined();
    expect(await arms.take(token, "10.0.0.7")).toEqual({ ok: false, why: "the arm has expired" });
    const next = await arm();
    expect(next).not.toBe(token);
    expect(await arms.take(token, "10.0.0.7")).toEqual({ ok: false, why: "the token opens nothing" });
    expect((await arms.take(next, "10.0.0.7")).ok).toBe(true);
  });

  it("gives its configuration again to the address that took it, for a short while only", async () => {
    const { arms, arm, clock } = rig();
    const token = await arm();
    await arms.take(token, "10.0.0.7");
    expect((await arms.take(token, "10.0.0.7")).ok).toBe(true);
    expect(await arms.take(token, "10.0.0.8")).toEqual({ ok: false, why: "another address took it before (10.0.0.7)" });
    await clock.sleep(241_000);
    expect(await arms.take(token, "10.0.0.7")).toEqual({ ok: false, why: "it was handed out before" });
  });

  it("gives nothing to its token once consumed or disarmed", async () => {
    const { arms, arm } = rig();
    const token = await arm();
    await arms.consume("gpu-02", "r1", "joined");
    expect((await arms.take(token, "10.0.0.7")).ok).toBe(false);
    const second = await arm("r2");
    await arms.disarm("gpu-02", { why: "a person said so" });
    expect((await arms.take(second, "10.0.0.7")).ok).toBe(false);
  });

  it("is disarmed as often as one likes, by its own run or a person, and never after it was consumed", async () => {
    const { arms, arm, stages } = rig();
    expect(await arms.disarm("gpu-02", { why: "nothing there" })).toBeUndefined();
    await arm();
    expect(await arms.disarm("gpu-02", { run: "r2", why: "not mine" })).toMatchObject({ state: "armed" });
    for (const _ of [1, 2, 3]) expect(await arms.disarm("gpu-02", { run: "r1", why: "done" })).toMatchObject({ state: "disarmed" });
    expect(await stages()).toEqual(["armed", "disarmed"]);
    await arm("r3");
    await arms.consume("gpu-02", "r3", "joined");
    expect(await arms.disarm("gpu-02", { why: "too late" })).toMatchObject({ state: "consumed" });
  });

  it("wipes in one boot only, and hands out no configuration before", async () => {
    const { arms, arm } = rig();
    const token = await arm("r1", { wipe: true });
    expect((await arms.script("gpu-02"))?.arm.wiping).toBe(true);
    expect(await arms.take(token, "10.0.0.7")).toEqual({ ok: false, why: "the machine was to wipe its disk first" });
    expect((await arms.script("gpu-02"))?.arm.wiping).toBe(true);
    await arms.sent(token, "initramfs-sent", "10.0.0.7");
    expect((await arms.script("gpu-02"))?.arm.wiping).toBe(false);
    expect((await arms.take(token, "10.0.0.7")).ok).toBe(true);
  });

  it("keeps the newest evidence only", async () => {
    const { arms, arm } = rig();
    await arm();
    for (let boot = 0; boot < 50; boot += 1) await arms.script("gpu-02");
    expect((await arms.of("gpu-02"))?.evidence).toHaveLength(32);
  });

  it.each([
    "a b",
    `x=\${uuid}`,
    "||",
    "&&",
    ";",
    "#",
    "x\\",
    "a\nb",
    "",
    "talos.config=http://elsewhere",
    "talos.experimental.wipe=system",
    "initrd=x",
    "ä",
    "x".repeat(4000),
  ])("refuses the kernel argument %j", async (arg) => {
    const { arm } = rig();
    expect(await codeOf(arm("r1", { args: [arg] }))).toBe("LO_BOOT_PROFILE");
  });

  it.each(["../secret", "/etc/passwd", "a//b", "a/../b", "a/.b", "a b", `\${x}`, "", "a\n"])("refuses the asset %j", async (kernel) => {
    const { arm } = rig();
    expect(await codeOf(arm("r1", { kernel }))).toBe("LO_BOOT_PROFILE");
  });
});

describe("of many at once", () => {
  it("one address takes the configuration", async () => {
    const { arms, arm, clock, store } = rig();
    const token = await arm();
    const servers = [arms, createArms({ kv: store.kv, clock }), createArms({ kv: store.kv, clock })];
    const asked = Array.from({ length: 30 }, (_, n) => servers[n % 3]?.take(token, `10.0.0.${n}`));
    expect((await Promise.all(asked)).filter((one) => one?.ok)).toHaveLength(1);
  });

  it("one ends the arm", async () => {
    const { arms, arm } = rig();
    await arm();
    const ended = await Promise.all(Array.from({ length: 20 }, () => arms.consume("gpu-02", "r1", "joined")));
    expect(ended.filter(Boolean)).toHaveLength(1);
  });

  it("one run arms the machine", async () => {
    const { arm } = rig();
    const armed = await Promise.allSettled(Array.from({ length: 10 }, (_, n) => arm(`r${n}`)));
    expect(armed.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
  });
});

describe("whatever happens", () => {
  const peer = fc.constantFrom("10.0.0.7", "10.0.0.8", "10.0.0.9");
  const run = fc.constantFrom("r1", "r2");
  const doing = fc.oneof(
    run.map((name) => ({ is: "arm", run: name }) as const),
    fc.constant({ is: "script" } as const),
    peer.map((address) => ({ is: "take", peer: address }) as const),
    run.map((name) => ({ is: "consume", run: name }) as const),
    run.map((name) => ({ is: "disarm", run: name }) as const),
    fc.constant({ is: "wait" } as const),
  );

  it("a run's arm gives its configuration to one address at most, and offers no boot after it did", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(doing, { maxLength: 40 }), async (history) => {
        const { arms, arm, clock } = rig();
        const tokens: string[] = [];
        const took = new Map<string, string>();
        for (const one of history) {
          if (one.is === "arm")
            await arm(one.run).then(
              (token) => tokens.push(token),
              () => undefined,
            );
          if (one.is === "wait") await clock.sleep(hour / 3);
          if (one.is === "consume") await arms.consume("gpu-02", one.run, "joined");
          if (one.is === "disarm") await arms.disarm("gpu-02", { run: one.run, why: "asked" });
          if (one.is === "script") expect(took.has((await arms.script("gpu-02"))?.token ?? "")).toBe(false);
          if (one.is === "take") await everyToken(arms, tokens, one.peer, took);
        }
      }),
      { numRuns: 200 },
    );
  });

  async function everyToken(arms: Arms, tokens: readonly string[], address: string, took: Map<string, string>) {
    for (const token of tokens) {
      if (!(await arms.take(token, address)).ok) continue;
      expect(took.get(token) ?? address).toBe(address);
      took.set(token, address);
    }
  }

  it("no text is a token", async () => {
    const { arms, arm } = rig();
    const token = await arm();
    const near = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.nat(token.length - 1).map((cut) => token.slice(0, cut)),
    );
    await fc.assert(
      fc.asyncProperty(near, async (text) => {
        expect((await arms.take(text, "10.0.0.7")).ok).toBe(false);
        expect(await arms.open(text)).toBeUndefined();
      }),
    );
    expect((await arms.take(token, "10.0.0.7")).ok).toBe(true);
  });
});

it("a store that is gone gives nothing out", async () => {
  const store = createMemoryStore({ clock: systemClock });
  const arms = createArms({ kv: store.kv, clock: systemClock });
  await store.close();
  await expect(arms.script("gpu-02")).rejects.toThrow();
});
