import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Power } from "#adapters/power/port.ts";
import {
  type ActVerb,
  type DeviceError,
  effectOf,
  GateClosedError,
  LightsoutError,
  type Permit,
  systemClock,
  UnsupportedError,
} from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import type { Host, HostAction } from "#test/lab/host.ts";

/** One machine, its BMC simulator and the client under test. */
export interface PowerRig {
  readonly power: Power;
  readonly host: Host;
  /** A fresh permit for this machine. */
  permit(verb: ActVerb): Permit;
  close(): Promise<void>;
}

/**
 * What every power protocol promises, whatever it speaks. `make` gives a host that is on, whose BMC answers, and a client
 * that expects `host.identity`, with timeouts short enough for a silent BMC and a host that boots and stops within a second.
 * The simulator must read `faults.bmcDead` again before it answers, so that a request can be executed and its answer lost.
 */
export function powerContract(name: string, make: () => Promise<PowerRig>): void {
  describe(`power contract: ${name}`, () => {
    let rig: PowerRig;
    let power: Power;
    let host: Host;
    let pressed: HostAction[];

    beforeEach(async () => {
      rig = await make();
      ({ power, host } = rig);
      pressed = watchPresses(host);
    });
    afterEach(() => rig.close());

    const offNow = async () => {
      host.press("force-off", "finger");
      await eventually(() => expect(host.power()).toBe("off"));
      pressed.length = 0;
    };
    const nothingPressed = () => expect(pressed).toEqual([]);

    describe("state", () => {
      it("reads on and off", async () => {
        expect((await power.state()).state).toBe("on");
        await offNow();
        expect((await power.state()).state).toBe("off");
      });

      it("never reads a machine that is still powering off as off", async () => {
        host.faults.slowOffMs = 60_000;
        host.press("force-off", "finger");
        expect(host.power()).toBe("powering-off");
        expect((await power.state()).state).not.toBe("off");
      });

      it("gives the value as the BMC gave it", async () => {
        expect((await power.state()).raw).not.toBe("");
      });

      it("fails with effect none when the BMC is silent", async () => {
        host.faults.bmcDead = true;
        const error = await failure(power.state());
        expect(effectOf(error)).toBe("none");
        expect(["LO_BMC_UNREACHABLE", "LO_BMC_TIMEOUT"]).toContain(codeOf(error));
      });

      it("fails, and does not read off, when standby power is gone; answers again when it is back", async () => {
        host.mains(false);
        expect(effectOf(await failure(power.state()))).toBe("none");
        host.mains(true);
        expect((await power.state()).state).toBe("off");
      });

      it("stops at its signal", async () => {
        host.faults.bmcDead = true;
        expect(await failure(power.state(AbortSignal.abort(new Error("enough"))))).toBeInstanceOf(Error);
      });
    });

    describe("on and off", () => {
      it("turns off hard and on again", async () => {
        expect((await power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
        await eventually(() => expect(host.power()).toBe("off"));
        expect((await power.on(rig.permit("power-on"))).did).toBe("sent");
        await eventually(() => expect(host.power()).toBe("on"));
        expect(pressed).toEqual(["force-off", "on"]);
        expect(host.count).toMatchObject({ off: 1, on: 1, reset: 0 });
      });

      it("asks the operating system to stop", async () => {
        if (!(await power.capabilities()).has("graceful-off")) {
          expect(await failure(power.off(rig.permit("power-off"), "graceful"))).toBeInstanceOf(UnsupportedError);
          return nothingPressed();
        }
        expect((await power.off(rig.permit("power-off"), "graceful")).did).toBe("sent");
        expect(pressed).toEqual(["graceful-off"]);
        await eventually(() => expect(host.power()).toBe("off"));
      });

      it("answers already and sends nothing when it is on", async () => {
        expect((await power.on(rig.permit("power-on"))).did).toBe("already");
        nothingPressed();
      });

      it("answers already and sends nothing when it is off, hard or graceful", async () => {
        await offNow();
        expect((await power.off(rig.permit("force-off"), "hard")).did).toBe("already");
        if ((await power.capabilities()).has("graceful-off")) {
          expect((await power.off(rig.permit("power-off"), "graceful")).did).toBe("already");
        }
        nothingPressed();
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
    });

    describe("reset", () => {
      it("resets once, and says so where the BMC has a fingerprint", async () => {
        const can = await power.capabilities();
        if (!can.has("reset")) {
          expect(await failure(power.reset(rig.permit("reset")))).toBeInstanceOf(UnsupportedError);
          return nothingPressed();
        }
        const before = await power.lastReset();
        if (can.has("last-reset")) await systemClock.sleep(1100); // a fingerprint may count whole seconds
        expect((await power.reset(rig.permit("reset"))).did).toBe("sent");
        expect(host.count.reset).toBe(1);
        if (can.has("last-reset")) expect(await power.lastReset()).not.toBe(before);
      });

      it("resets nothing that is off", async () => {
        if (!(await power.capabilities()).has("reset")) return;
        await offNow();
        await failure(power.reset(rig.permit("reset")));
        expect(host.count).toMatchObject({ on: 0, reset: 0 });
        expect(host.power()).toBe("off");
      });

      it("sends a reset once when its answer is lost, and calls the effect unknown", async () => {
        if (!(await power.capabilities()).has("reset")) return;
        await power.state();
        dieAfterPress(host);
        expect(effectOf(await failure(power.reset(rig.permit("reset"))))).toBe("unknown");
        expect(pressed).toEqual(["reset"]);
      });
    });

    describe("effects", () => {
      it("has no effect when the BMC was silent from the start", async () => {
        host.faults.bmcDead = true;
        expect(effectOf(await failure(power.off(rig.permit("force-off"), "hard")))).toBe("none");
        nothingPressed();
      });

      it("has an unknown effect when the answer to the write is lost", async () => {
        await power.state();
        dieAfterPress(host);
        const error = await failure(power.off(rig.permit("force-off"), "hard"));
        expect(effectOf(error)).toBe("unknown");
        expect(pressed).toContain("force-off");
      });

      it("names the machine and the operation in every failure", async () => {
        host.faults.bmcDead = true;
        const error = (await failure(power.on(rig.permit("power-on")))) as DeviceError;
        expect(error.target).toBe(power.machine);
        expect(error.message).toContain(power.machine);
        expect(error.operation).not.toBe("");
      });
    });

    describe("permits", () => {
      const acts: [string, ActVerb, (permit: Permit) => Promise<unknown>][] = [
        ["on", "power-on", (permit) => power.on(permit)],
        ["hard off", "force-off", (permit) => power.off(permit, "hard")],
        ["graceful off", "power-off", (permit) => power.off(permit, "graceful")],
        ["reset", "reset", (permit) => power.reset(permit)],
        ["boot once", "boot-once", (permit) => power.bootOnce(permit, "pxe")],
        ["controller reset", "reset-controller", (permit) => power.resetController(permit)],
      ];

      it.each(acts)("%s refuses a permit that nobody minted", async (_, verb, act) => {
        expect(codeOf(await failure(act({ ...rig.permit(verb) })))).toBe("LO_PERMIT");
        nothingPressed();
      });

      it.each(acts)("%s refuses another machine's permit", async (_, verb, act) => {
        expect(codeOf(await failure(act(mintPermit({ ...rig.permit(verb), machine: "another" }))))).toBe("LO_PERMIT");
        nothingPressed();
      });

      it.each(acts)("%s refuses another verb's permit", async (_, __, act) => {
        expect(codeOf(await failure(act(rig.permit("taint-out-of-service"))))).toBe("LO_PERMIT");
        nothingPressed();
      });

      it("a graceful off's permit does not cut the power, nor the other way round", async () => {
        expect(codeOf(await failure(power.off(rig.permit("power-off"), "hard")))).toBe("LO_PERMIT");
        expect(codeOf(await failure(power.off(rig.permit("force-off"), "graceful")))).toBe("LO_PERMIT");
        nothingPressed();
      });

      it("works once", async () => {
        const permit = rig.permit("power-on");
        await power.on(permit);
        expect(codeOf(await failure(power.on(permit)))).toBe("LO_PERMIT");
      });

      it("passes the gate before the write, and writes nothing when it is closed", async () => {
        const order: string[] = [];
        const real = host.press;
        host.press = (action, via) => {
          order.push(action);
          return real(action, via);
        };
        await power.off(mintPermit({ ...rig.permit("force-off"), gate: () => void order.push("gate") }), "hard");
        expect(order.slice(0, 2)).toEqual(["gate", "force-off"]);
        host.press = real;
        await eventually(() => expect(host.power()).toBe("off"));

        pressed.length = 0;
        const closed = mintPermit({
          ...rig.permit("power-on"),
          gate: () => {
            throw new GateClosedError(power.machine, "power-on", "too late");
          },
        });
        const error = await failure(power.on(closed));
        expect(error).toBeInstanceOf(GateClosedError);
        expect(effectOf(error)).toBe("none");
        nothingPressed();
      });

      it("sends nothing once the act's time is over", async () => {
        const over = mintPermit({ ...rig.permit("force-off"), signal: AbortSignal.abort() });
        expect(effectOf(await failure(power.off(over, "hard")))).toBe("none");
        nothingPressed();
      });
    });

    describe("identity", () => {
      it("reports the machine's uuid and serial", async () => {
        const identity = await power.identity();
        expect(identity.uuids).toContain(host.identity.uuid.toLowerCase());
        expect(identity.uuids).toEqual(identity.uuids.map((uuid) => uuid.toLowerCase()));
        expect(identity.serial).toBe(host.identity.serial);
      });

      it.each([
        ["uuid", { uuid: "7d0e1a52-93c4-4b1f-8a6e-0c2f5d917b34" }],
        ["serial", { serial: "SN-OF-ANOTHER" }],
      ])("refuses to act on a BMC that reports another %s, and nothing is sent", async (_, reports) => {
        await power.state();
        host.faults.reports = reports;
        const error = await failure(power.off(rig.permit("force-off"), "hard"));
        expect(codeOf(error)).toBe("LO_BMC_IDENTITY");
        expect(effectOf(error)).toBe("none");
        nothingPressed();
      });

      it("does not count placeholders", async () => {
        host.faults.reports = { uuid: "00000000-0000-0000-0000-000000000000", serial: "To be filled by O.E.M." };
        expect((await power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
      });
    });

    describe("boot override", () => {
      it("boots once from the target, as read back", async () => {
        if (!(await power.capabilities()).has("boot-once")) {
          expect(await failure(power.bootOnce(rig.permit("boot-once"), "pxe"))).toBeInstanceOf(UnsupportedError);
          return;
        }
        for (const target of ["pxe", "disk", "cd", "bios", "none"] as const) {
          expect((await power.bootOnce(rig.permit("boot-once"), target)).did).toBe("sent");
          const override = await power.bootOverride();
          expect(override.target).toBe(target);
          if (target !== "none") expect(override.once).toBe(true);
        }
      });

      it("is over after the next start", async () => {
        if (!(await power.capabilities()).has("boot-once")) return;
        await offNow();
        await power.bootOnce(rig.permit("boot-once"), "pxe");
        await power.on(rig.permit("power-on"));
        await eventually(() => expect(host.posting()).toBe(false));
        expect((await power.bootOverride()).target).toBe("none");
      });

      it("is an error when the BMC accepts it and ignores it", async () => {
        if (!(await power.capabilities()).has("boot-once")) return;
        Object.defineProperty(host, "boot", { get: () => ({ target: "none", once: false, mode: "UEFI" }), set: () => {} });
        expect(codeOf(await failure(power.bootOnce(rig.permit("boot-once"), "pxe")))).toBe("LO_BMC_REFUSED");
      });
    });

    describe("what else a BMC tells", () => {
      it("gives the newest log entries, newest last, and what they say of power", async () => {
        if (!(await power.capabilities()).has("event-log")) {
          expect(await failure(power.eventLog())).toBeInstanceOf(UnsupportedError);
          return;
        }
        host.mains(false);
        host.mains(true);
        host.press("on", "bmc");
        const entries = await power.eventLog();
        const said = entries.map((entry) => entry.power).filter((said) => said !== undefined);
        expect(said.indexOf("ac-lost")).toBeGreaterThanOrEqual(0);
        expect(said.lastIndexOf("turned-on")).toBeGreaterThan(said.lastIndexOf("ac-lost"));
        for (const entry of entries) expect(entry.at === undefined || !Number.isNaN(Date.parse(entry.at))).toBe(true);
        const times = entries.flatMap((entry) => (entry.at === undefined ? [] : [Date.parse(entry.at)]));
        expect(times).toEqual(times.toSorted((a, b) => a - b));
        expect(await power.eventLog({ limit: 2 })).toEqual(entries.slice(-2));
      });

      it("reads the present draw", async () => {
        if (!(await power.capabilities()).has("power-reading")) {
          expect(await failure(power.powerReading())).toBeInstanceOf(UnsupportedError);
          return;
        }
        expect(await power.powerReading()).toBe(host.watts());
      });

      it("blinks the locator light without a permit", async () => {
        if (!(await power.capabilities()).has("identify")) {
          expect(await failure(power.identify(5))).toBeInstanceOf(UnsupportedError);
          return;
        }
        await power.identify(5);
        await power.identify(0);
        nothingPressed();
      });

      it("says when the firmware is being updated", async () => {
        expect((await power.activity()).firmwareUpdate).toBe(false);
        host.faults.firmwareUpdate = true;
        expect((await power.activity()).firmwareUpdate).toBe(true);
      });

      it("restarts the BMC and leaves the host alone", async () => {
        if (!(await power.capabilities()).has("reset-controller")) {
          expect(await failure(power.resetController(rig.permit("reset-controller")))).toBeInstanceOf(UnsupportedError);
          return;
        }
        const boot = host.bootId();
        expect((await power.resetController(rig.permit("reset-controller"))).did).toBe("sent");
        expect(host.bootId()).toBe(boot);
        nothingPressed();
        await eventually(async () => expect((await power.state()).state).toBe("on"));
      });
    });

    it("runs requests one after another, whoever asks", async () => {
      const states = await Promise.all(Array.from({ length: 8 }, () => power.state()));
      expect(states.map(({ state }) => state)).toEqual(Array(8).fill("on"));
    });

    it("closes, twice if need be, and answers nothing after that", async () => {
      await power.state();
      await power.close();
      await power.close();
      expect(await failure(power.state())).toBeInstanceOf(LightsoutError);
      expect(effectOf(await failure(power.off(rig.permit("force-off"), "hard")))).toBe("none");
      nothingPressed();
    });
  });
}

/** Everything that is asked of the host from now on, whoever asks, in order. */
function watchPresses(host: Host): HostAction[] {
  const pressed: HostAction[] = [];
  const real = host.press;
  host.press = (action, via) => {
    if (via !== "finger") pressed.push(action);
    return real(action, via);
  };
  return pressed;
}

/** The next request is executed and its answer, like everything after it, is lost. */
function dieAfterPress(host: Host): void {
  const real = host.press;
  host.press = (action, via) => {
    const did = real(action, via);
    host.faults.bmcDead = true;
    return did;
  };
}

const eventually = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 5 });

const codeOf = (error: unknown): string | undefined => (error instanceof LightsoutError ? error.code : undefined);

/** What `work` is rejected with. */
function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    (value) => {
      throw new Error(`expected a failure, got ${JSON.stringify(value)}`);
    },
    (error: unknown) => error,
  );
}
