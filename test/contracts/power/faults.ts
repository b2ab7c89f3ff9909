import { afterEach, beforeEach, expect, it } from "vitest";
import type { Power } from "#adapters/power/port.ts";
import { effectOf } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import type { Host } from "#test/lab/host.ts";
import { codeOf, eventually, failure, type SimulatedRig } from "./rig.ts";

/**
 * What a power protocol promises when the machine or its BMC misbehaves. The simulator must read `faults.bmcDead` again before it
 * answers, so that a request can be executed and its answer lost.
 */
export function faulty(make: (state: "on" | "off") => Promise<SimulatedRig>): void {
  let rig: SimulatedRig;
  let power: Power;
  let host: Host;
  beforeEach(async () => {
    rig = await make("on");
    ({ power, host } = rig);
  });
  afterEach(() => rig.close());

  const offNow = async () => {
    host.press("force-off", "finger");
    await eventually(() => expect(host.power()).toBe("off"));
  };
  /** The next request is executed and its answer, like everything after it, is lost. */
  const dieAfterPress = () => {
    const real = host.press;
    host.press = (action, via) => {
      const did = real(action, via);
      host.faults.bmcDead = true;
      return did;
    };
  };

  it("never reads a machine that is still powering off as off", async () => {
    host.faults.slowOffMs = 60_000;
    host.press("force-off", "finger");
    expect(host.power()).toBe("powering-off");
    expect((await power.state()).state).not.toBe("off");
  });

  it("fails, and does not read off, when standby power is gone; answers again when it is back", async () => {
    host.mains(false);
    expect(effectOf(await failure(power.state()))).toBe("none");
    host.mains(true);
    expect((await power.state()).state).toBe("off");
  });

  it("an off, an on: the machine goes off once and comes on once", async () => {
    await power.off(rig.permit("force-off"), "hard");
    await eventually(() => expect(host.power()).toBe("off"));
    await power.on(rig.permit("power-on"));
    expect(host.count).toEqual({ off: 1, on: 1, reset: 0 });
  });

  it("takes a refusal for the state it is in, read back, as already", async () => {
    host.faults.refusesAlready = true;
    await offNow();
    const permit = mintPermit({ ...rig.permit("power-on"), gate: () => void host.press("on", "finger") });
    expect((await power.on(permit)).did).toBe("already");
    expect(host.count.on).toBe(1);
  });

  it("does not take a refusal for success when the state read back says otherwise", async () => {
    host.faults.refusesAlready = true;
    host.faults.liesOff = true;
    const error = await failure(power.on(rig.permit("power-on")));
    expect(codeOf(error)).toBe("LO_BMC_REFUSED");
    expect(effectOf(error)).toBe("none");
  });

  it("sends a reset once when its answer is lost, and calls the effect unknown", async () => {
    if (!(await power.capabilities()).has("reset")) return;
    await power.state();
    dieAfterPress();
    expect(effectOf(await failure(power.reset(rig.permit("reset"))))).toBe("unknown");
    expect(rig.pressed()).toEqual(["reset"]);
  });

  it("has an unknown effect when the answer to an off is lost", async () => {
    await power.state();
    dieAfterPress();
    expect(effectOf(await failure(power.off(rig.permit("force-off"), "hard")))).toBe("unknown");
    expect(rig.pressed()).toContain("force-off");
  });

  it.each([
    ["uuid", { uuid: "7d0e1a52-93c4-4b1f-8a6e-0c2f5d917b34" }],
    ["serial", { serial: "SN-OF-ANOTHER" }],
  ])("refuses to act on a BMC that begins to report another %s, and nothing is sent", async (_, reports) => {
    await power.state();
    host.faults.reports = reports;
    const error = await failure(power.off(rig.permit("force-off"), "hard"));
    expect(codeOf(error)).toBe("LO_BMC_IDENTITY");
    expect(effectOf(error)).toBe("none");
    expect(rig.pressed()).toEqual([]);
  });

  it("does not count placeholders", async () => {
    host.faults.reports = { uuid: "00000000-0000-0000-0000-000000000000", serial: "To be filled by O.E.M." };
    expect((await power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
  });

  it("is an error when the BMC accepts a boot override and ignores it", async () => {
    if (!(await power.capabilities()).has("boot-once")) return;
    Object.defineProperty(host, "boot", { get: () => ({ target: "none", once: false, mode: "UEFI" }), set: () => {} });
    expect(codeOf(await failure(power.bootOnce(rig.permit("boot-once"), "pxe")))).toBe("LO_BMC_REFUSED");
  });

  it("tells from the log that power was lost and that the machine came on", async () => {
    if (!(await power.capabilities()).has("event-log")) return;
    host.mains(false);
    host.mains(true);
    host.press("on", "bmc");
    const said = (await power.eventLog()).map((entry) => entry.power).filter((meaning) => meaning !== undefined);
    expect(said.indexOf("ac-lost")).toBeGreaterThanOrEqual(0);
    expect(said.lastIndexOf("turned-on")).toBeGreaterThan(said.lastIndexOf("ac-lost"));
  });

  it("reads the draw that is drawn", async () => {
    if ((await power.capabilities()).has("power-reading")) expect(await power.powerReading()).toBe(host.watts());
  });

  it("says when the firmware is being updated", async () => {
    host.faults.firmwareUpdate = true;
    expect((await power.activity()).firmwareUpdate).toBe(true);
  });
}
