import { describe, expect, it, vi } from "vitest";
import { systemClock } from "#events";
import { isOpenRequest, type Pass } from "./relay.ts";
import { controls, failure, rigsPerTest, settled, timeouts } from "./rig.ts";

const rigWith = rigsPerTest();

describe("sessions", () => {
  it("keeps one session for many operations and closes it", async () => {
    const rig = await rigWith();
    for (let round = 0; round < 5; round += 1) await rig.power.state();
    await rig.power.identity();
    expect(rig.commands().filter((command) => command === "6/3b")).toHaveLength(1);
    expect(rig.bmc.sessions()).toBe(1);
    await rig.power.close();
    expect(rig.bmc.sessions()).toBe(0);
    expect(rig.commands().at(-1)).toBe("6/3c");
  });

  it("closes a session that is not used, and opens another when it is needed", async () => {
    const rig = await rigWith({ power: { timeouts: { ...timeouts, idleMs: 20 } } });
    await rig.power.state();
    await vi.waitFor(() => expect(rig.bmc.sessions()).toBe(0), { timeout: 10_000, interval: 5 });
    expect((await rig.power.state()).state).toBe("on");
  });

  it("sets up a new session when the BMC has forgotten it, and acts once", async () => {
    const rig = await rigWith();
    await rig.power.state();
    rig.bmc.forgetSessions();
    expect((await rig.power.state()).state).toBe("on");
    rig.bmc.forgetSessions();
    expect((await rig.power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
    expect(controls(rig)).toBe(1);
  });

  it("does not trust a session that aged while the process was stopped", async () => {
    let asleep = 0;
    const clock = { ...systemClock, mono: () => systemClock.mono() + asleep };
    const rig = await rigWith({ power: { clock } });
    await rig.power.state();
    asleep = 60_000;
    await rig.power.state();
    expect(rig.commands().filter((command) => command === "6/3b")).toHaveLength(2);
    await vi.waitFor(() => expect(rig.bmc.sessions()).toBe(1), { timeout: 10_000, interval: 5 });
  });

  it("uses administrator only to reset the BMC, and sets up anew afterwards", async () => {
    const rig = await rigWith();
    await rig.power.state();
    await rig.power.resetController(rig.permit("reset-controller"));
    await rig.power.state();
    const levels = rig.bmc.requests.filter(({ netFn, cmd }) => netFn === 6 && cmd === 0x3b).map(({ data }) => data[0]);
    expect(levels).toEqual([3, 4, 3]);
  });

  it("begins the set-up again with new ids when a packet of it is lost", async () => {
    const opened: string[] = [];
    const pass: Pass = (datagram) => {
      if (!isOpenRequest(datagram)) return [datagram];
      opened.push(datagram.toString("hex", 20, 24));
      return opened.length === 1 ? [] : [datagram];
    };
    const rig = await rigWith({ pass });
    expect((await rig.power.state()).state).toBe("on");
    expect(new Set(opened).size).toBe(2);
  });
});

describe("cipher suite 3", () => {
  it("carries reads, acts, boot flags and the event log", async () => {
    const rig = await rigWith({ bmc: { suites: [3] } });
    await rig.power.bootOnce(rig.permit("boot-once"), "pxe");
    expect((await rig.power.bootOverride()).target).toBe("pxe");
    await rig.power.off(rig.permit("force-off"), "hard");
    await settled(rig.host, "off");
    expect((await rig.power.state()).state).toBe("off");
    expect((await rig.power.eventLog()).at(-1)?.power).toBe("turned-off");
    expect((await rig.power.identity()).serial).toBe(rig.host.identity.serial);
  });
});

describe("a closed transport", () => {
  it("fails reads and acts with effect none", async () => {
    const rig = await rigWith();
    await rig.transport.close();
    expect(await failure(rig.power.state())).toMatchObject({ code: "LO_BMC_UNREACHABLE", effect: "none" });
    expect(await failure(rig.power.off(rig.permit("force-off"), "hard"))).toMatchObject({ code: "LO_BMC_UNREACHABLE", effect: "none" });
  });
});
