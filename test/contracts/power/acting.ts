import { describe, expect, it } from "vitest";
import type { Power } from "#adapters/power/port.ts";
import { DeviceError, effectOf, LightsoutError, type Permit, systemClock } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { codeOf, type Differences, failure, type MakeRig, reads, use } from "./rig.ts";

/** What a power protocol promises of reading, switching and resetting a machine, and of what its failures say. */
export function acting(make: MakeRig, differs: Differences): void {
  describe("state", () => {
    it.each(["on", "off"] as const)("reads %s, and gives the value as the BMC gave it", async (state) => {
      const { power } = await use(make, state);
      const read = await power.state();
      expect(read.state).toBe(state);
      expect(read.raw).not.toBe("");
    });

    it("fails with effect none when the BMC is silent", async () => {
      const { power, silence } = await use(make);
      silence();
      const error = await failure(power.state());
      expect(effectOf(error)).toBe("none");
      expect(["LO_BMC_UNREACHABLE", "LO_BMC_TIMEOUT"]).toContain(codeOf(error));
    });

    it("stops at its signal", async () => {
      const { power, silence } = await use(make);
      silence();
      expect(await failure(power.state(AbortSignal.abort(new Error("enough"))))).toBeInstanceOf(Error);
    });
  });

  describe("on and off", () => {
    it("turns off hard and on again", async () => {
      const { power, permit, pressed } = await use(make);
      expect((await power.off(permit("force-off"), "hard")).did).toBe("sent");
      await reads(power, "off");
      expect((await power.on(permit("power-on"))).did).toBe("sent");
      await reads(power, "on");
      expect(pressed()).toEqual(["force-off", "on"]);
    });

    it("asks the operating system to stop", async () => {
      const { power, permit, pressed } = await use(make);
      if (!(await power.capabilities()).has("graceful-off")) return;
      expect((await power.off(permit("power-off"), "graceful")).did).toBe("sent");
      await reads(power, differs.deaf ? "on" : "off");
      expect(pressed()).toEqual(["graceful-off"]);
    });

    it("answers already and sends nothing when it is on", async () => {
      const { power, permit, pressed } = await use(make);
      expect((await power.on(permit("power-on"))).did).toBe("already");
      expect(pressed()).toEqual([]);
    });

    it("answers already and sends nothing when it is off, hard or graceful", async () => {
      const { power, permit, pressed } = await use(make, "off");
      expect((await power.off(permit("force-off"), "hard")).did).toBe("already");
      if ((await power.capabilities()).has("graceful-off")) {
        expect((await power.off(permit("power-off"), "graceful")).did).toBe("already");
      }
      expect(pressed()).toEqual([]);
    });
  });

  describe("reset", () => {
    it("resets once, and says so where the BMC has a fingerprint", async () => {
      const { power, permit, pressed } = await use(make);
      const can = await power.capabilities();
      if (!can.has("reset")) return;
      const before = await power.lastReset();
      if (can.has("last-reset")) await systemClock.sleep(1100); // a fingerprint may count whole seconds
      expect((await power.reset(permit("reset"))).did).toBe("sent");
      expect(pressed()).toEqual(["reset"]);
      if (can.has("last-reset")) expect(await power.lastReset()).not.toBe(before);
    });

    it("resets nothing that is off", async () => {
      const { power, permit, pressed } = await use(make, "off");
      if (!(await power.capabilities()).has("reset")) return;
      expect(effectOf(await failure(power.reset(permit("reset"))))).toBe("none");
      expect(pressed()).toEqual([]);
      expect((await power.state()).state).toBe("off");
    });
  });

  describe("effects", () => {
    it("has no effect when the BMC was silent from the start", async () => {
      const { power, permit, pressed, silence } = await use(make);
      silence();
      expect(effectOf(await failure(power.off(permit("force-off"), "hard")))).toBe("none");
      expect(pressed()).toEqual([]);
    });

    it.each([
      ["a hard off", "force-off", (power: Power, permit: Permit) => power.off(permit, "hard")],
      ["a reset", "reset", (power: Power, permit: Permit) => power.reset(permit)],
    ] as const)("%s has an unknown effect when the BMC falls silent as it is written", async (_, verb, act) => {
      const { power, permit, silence } = await use(make);
      if (verb === "reset" && !(await power.capabilities()).has("reset")) return;
      await power.state();
      const error = await failure(act(power, mintPermit({ ...permit(verb), gate: silence })));
      expect(error).toBeInstanceOf(DeviceError);
      expect(effectOf(error)).toBe("unknown");
    });

    it("names the machine and the operation in every failure", async () => {
      const { power, permit, silence } = await use(make);
      silence();
      const error = (await failure(power.on(permit("power-on")))) as DeviceError;
      expect(error.target).toBe(power.machine);
      expect(error.message).toContain(power.machine);
      expect(error.operation).not.toBe("");
    });
  });

  it("runs requests one after another, whoever asks", async () => {
    const { power } = await use(make);
    const states = await Promise.all(Array.from({ length: 8 }, () => power.state()));
    expect(states.map(({ state }) => state)).toEqual(Array(8).fill("on"));
  });

  it("closes, twice if need be, and answers nothing after that", async () => {
    const { power, permit, pressed } = await use(make);
    await power.state();
    await power.close();
    await power.close();
    expect(await failure(power.state())).toBeInstanceOf(LightsoutError);
    expect(effectOf(await failure(power.off(permit("force-off"), "hard")))).toBe("none");
    expect(pressed()).toEqual([]);
  });
}
