import { describe, expect, it, vi } from "vitest";
import { systemClock } from "#events";
import { isOpenRequest, type Pass } from "./relay.ts";
import { controls, failure, type Rig, rigsPerTest, settled, timeouts } from "./rig.ts";

const rigWith = rigsPerTest();
const levelsOf = ({ bmc }: Rig) => bmc.requests.filter(({ netFn, cmd }) => netFn === 6 && cmd === 0x3b).map(({ data }) => data[0]);

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
    await rig.power.identity();
    asleep = 60_000;
    await rig.power.identity();
    expect(rig.commands().filter((command) => command === "6/3b")).toHaveLength(2);
    await vi.waitFor(() => expect(rig.bmc.sessions()).toBe(1), { timeout: 10_000, interval: 5 });
  });

  it("uses administrator only to reset the BMC, and sets up anew afterwards", async () => {
    const rig = await rigWith();
    await rig.power.identity();
    await rig.power.resetController(rig.permit("reset-controller"));
    await rig.power.identity();
    expect(levelsOf(rig)).toEqual([3, 4, 3]);
  });

  it("reads the power state as the user that a session begins as, and raises the same session for more", async () => {
    const rig = await rigWith();
    await rig.power.state();
    expect(levelsOf(rig)).toEqual([]);
    expect((await rig.power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
    expect(levelsOf(rig)).toEqual([3]);
    expect(rig.commands().filter((command) => command === "6/3c")).toHaveLength(1);
  });

  it("reads the power state of a BMC that shows it to operators only", async () => {
    const raised = () => rig.commands().includes("6/3b");
    const rig = await rigWith({ bmc: { refuses: ({ netFn, cmd }) => (netFn === 0 && cmd === 1 && !raised() ? 0xd4 : undefined) } });
    expect((await rig.power.state()).state).toBe("on");
    expect(rig.bmc.sessions()).toBe(1);
  });

  it("acts in a new session when the BMC forgets the one that is to be raised", async () => {
    const rig = await rigWith();
    await rig.power.state();
    rig.bmc.forgetSessions();
    expect((await rig.power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
    expect(controls(rig)).toBe(1);
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
