import { describe, expect, it } from "vitest";
import type { Capability, Power } from "#adapters/power/port.ts";
import { type ActVerb, effectOf, type Permit, UnsupportedError } from "#events";
import { codeOf, type Differences, eventually, failure, type MakeRig, reads, use } from "./rig.ts";

/** What a power protocol promises of boot overrides and of everything that a BMC may have or lack. */
export function offering(make: MakeRig, differs: Differences): void {
  describe("boot override", () => {
    if (differs.bootOnce === undefined || differs.bootOnce === "kept") {
      it("boots once from the target, as read back", async () => {
        const { power, permit } = await use(make);
        if (!(await power.capabilities()).has("boot-once")) return;
        for (const target of ["pxe", "disk", "cd", "bios", "none"] as const) {
          expect((await power.bootOnce(permit("boot-once"), target)).did).toBe("sent");
          const override = await power.bootOverride();
          expect(override.target).toBe(target);
          if (target !== "none") expect(override.once).toBe(true);
        }
      });

      it.skipIf(differs.bootOnce === "kept")("is over after the next start", async () => {
        const { power, permit } = await use(make, "off");
        if (!(await power.capabilities()).has("boot-once")) return;
        await power.bootOnce(permit("boot-once"), "pxe");
        await power.on(permit("power-on"));
        await eventually(async () => expect((await power.bootOverride()).target).toBe("none"));
      });
    }

    if (differs.bootOnce === "unmarked") {
      it("says in the receipt what of it this BMC does not keep", async () => {
        const { power, permit } = await use(make);
        for (const target of ["pxe", "disk", "cd", "bios"] as const) {
          const { did, answer } = await power.bootOnce(permit("boot-once"), target);
          expect(did).toBe("sent");
          expect(answer).toContain("valid bit not kept");
          // Nothing is in force, as far as a reader can know.
          expect(await power.bootOverride()).toMatchObject({ target: "none", once: false });
        }
      });
    }

    if (differs.bootOnce === "every-start") {
      it("is an error where this BMC would boot from it at every start", async () => {
        const { power, permit } = await use(make);
        const error = await failure(power.bootOnce(permit("boot-once"), "pxe"));
        expect(codeOf(error)).toBe("LO_BMC_REFUSED");
        expect(effectOf(error)).toBe("unknown");
        expect(await power.bootOverride()).toMatchObject({ target: "pxe", once: false });
      });
    }
  });

  describe("what a BMC may have", () => {
    const optional: [Capability, (power: Power, permit: (verb: ActVerb) => Permit) => Promise<unknown>][] = [
      ["graceful-off", (power, permit) => power.off(permit("power-off"), "graceful")],
      ["reset", (power, permit) => power.reset(permit("reset"))],
      ["boot-once", (power, permit) => power.bootOnce(permit("boot-once"), "pxe")],
      ["reset-controller", (power, permit) => power.resetController(permit("reset-controller"))],
      ["event-log", (power) => power.eventLog()],
      ["power-reading", (power) => power.powerReading()],
      ["identify", (power) => power.identify(1)],
    ];

    it.each(optional)("%s: what is not there is refused by type, with nothing sent", async (capability, ask) => {
      const { power, permit, pressed } = await use(make);
      if ((await power.capabilities()).has(capability) && !differs.lacks?.includes(capability)) return;
      expect(await failure(ask(power, permit))).toBeInstanceOf(UnsupportedError);
      expect(pressed()).toEqual([]);
    });

    it("gives the newest log entries, newest last", async () => {
      const { power } = await use(make);
      if (!(await power.capabilities()).has("event-log")) return;
      const entries = await power.eventLog();
      const times = entries.flatMap(({ at }) => (at === undefined ? [] : [Date.parse(at)]));
      expect(times).not.toContain(Number.NaN);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(await power.eventLog({ limit: 2 })).toEqual(entries.slice(-2));
    });

    it("reads the present draw", async () => {
      const { power } = await use(make);
      if ((await power.capabilities()).has("power-reading")) expect(await power.powerReading()).toBeGreaterThan(0);
    });

    it("blinks the locator light without a permit", async () => {
      const { power, pressed } = await use(make);
      if (!(await power.capabilities()).has("identify") || differs.lacks?.includes("identify")) return;
      await power.identify(5);
      await power.identify(0);
      expect(pressed()).toEqual([]);
    });

    it("says that no firmware is being updated", async () => {
      const { power } = await use(make);
      expect((await power.activity()).firmwareUpdate).toBe(false);
    });

    it("restarts the BMC and leaves the machine alone", async () => {
      const { power, permit, pressed } = await use(make);
      if (!(await power.capabilities()).has("reset-controller") || differs.lacks?.includes("reset-controller")) return;
      expect((await power.resetController(permit("reset-controller"))).did).toBe("sent");
      await reads(power, "on");
      expect(pressed()).toEqual([]);
    });
  });
}
