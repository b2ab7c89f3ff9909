import { afterEach, describe, expect, test, vi } from "vitest";
import { entryOf, powerMeaning } from "#adapters/power/redfish/log.ts";
import { type PersonalityName, personalities } from "#test/lab/redfish-personalities.ts";
import { createRig, type Rig } from "./rig.ts";

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});
const makers = Object.keys(personalities) as PersonalityName[];
const on = (path: string, body: object) => (from: Rig) => {
  from.bmc.intercept = (request) => (request.path === path ? { status: 200, body } : undefined);
};

describe("power meters", () => {
  const chassis = "/redfish/v1/Chassis/System.Embedded.1";

  test.each([
    ["EnvironmentMetrics", { PowerWatts: { Reading: 231.5 } }, 231.5],
    ["Power", { PowerControl: [{ PowerConsumedWatts: "180" }] }, 180],
    ["Power", { PowerControl: { PowerConsumedWatts: 90 } }, 90],
  ])("%s %j", async (name, body, watts) => {
    rig = await createRig("dell");
    rig.bmc.intercept = ({ path }) => {
      if (path === chassis) return { status: 200, body: { [name]: { "@odata.id": `${chassis}/M` } } };
      return path === `${chassis}/M` ? { status: 200, body } : undefined;
    };
    expect(await rig.power().powerReading()).toBe(watts);
  });

  test("what the power supplies take in together", async () => {
    rig = await createRig("dell");
    const ref = (path: string) => ({ "@odata.id": `${chassis}${path}` });
    const docs: Record<string, object> = {
      [chassis]: { PowerSubsystem: ref("/PS"), EnvironmentMetrics: ref("/gone") },
      [`${chassis}/PS`]: { PowerSupplies: ref("/PS/All") },
      [`${chassis}/PS/All`]: { Members: [ref("/PS/1"), ref("/PS/2")] },
      [`${chassis}/PS/1`]: { Metrics: ref("/PS/1/M") },
      [`${chassis}/PS/2`]: { Metrics: ref("/PS/2/M") },
      [`${chassis}/PS/1/M`]: { InputPowerWatts: { Reading: 100 } },
      [`${chassis}/PS/2/M`]: { InputPowerWatts: { Reading: 120 } },
    };
    rig.bmc.intercept = ({ path }) => (docs[path] ? { status: 200, body: docs[path] } : undefined);
    expect(await rig.power().powerReading()).toBe(220);
  });

  test("none is not declared, and a typed refusal", async () => {
    rig = await createRig("dell");
    on(chassis, {})(rig);
    const power = rig.power();
    expect(await power.capabilities()).not.toContain("power-reading");
    await expect(power.powerReading()).rejects.toMatchObject({ code: "LO_UNSUPPORTED" });
  });
});

describe("activity", () => {
  test.each(makers)("%s tells when it boots and when it has booted", async (maker) => {
    rig = await createRig(maker);
    const { host } = rig;
    const power = rig.power();
    expect((await power.activity()).booting).toBe(false);
    host.press("reset", "finger");
    expect((await power.activity()).booting).toBe(true);
    await vi.waitFor(() => expect(host.posting()).toBe(false), { timeout: 10_000 });
    expect((await power.activity()).booting).toBe(false);
  });

  test.each(["OEM", "OSBootStarted", "None", ""])("%j tells nothing", async (LastState) => {
    rig = await createRig("lenovo");
    on("/redfish/v1/Systems/1", { PowerState: "On", BootProgress: { LastState } })(rig);
    expect(await rig.power().activity()).not.toHaveProperty("booting");
  });

  test.each([
    ["UpdateService", { Status: { State: "Updating" } }],
    [
      "TaskService/Tasks",
      { Members: [{ "@odata.id": "/x", TaskState: "Running", Name: "T", Payload: { TargetUri: "/redfish/v1/UpdateService" } }] },
    ],
  ])("an update shows in %s", async (where, body) => {
    rig = await createRig("lenovo");
    on(`/redfish/v1/${where}`, body)(rig);
    expect((await rig.power().activity()).firmwareUpdate).toBe(true);
  });
});

describe("proof of a reset", () => {
  const system = "/redfish/v1/Systems/1";
  test.each([
    ["OSRunning", 93, "boot took 93 s"],
    ["MemoryInitializationStarted", 93, undefined],
    ["OSRunning", null, undefined],
  ])("LastBootTimeSeconds counts while the system runs: %s %j", async (LastState, LastBootTimeSeconds, proof) => {
    rig = await createRig("supermicro");
    on(system, { BootProgress: { LastState, LastBootTimeSeconds } })(rig);
    expect(await rig.power().lastReset()).toBe(proof);
  });

  test("none where the firmware has none", async () => {
    rig = await createRig("dell");
    expect(await rig.power().lastReset()).toBeUndefined();
  });
});

describe("light", () => {
  test("goes off by itself when its time is over", async () => {
    rig = await createRig("dell");
    const { bmc } = rig;
    await rig.power().identify(2);
    const said = () => bmc.requests.filter(({ method }) => method === "PATCH").map(({ body }) => body);
    expect(said()).toEqual([{ LocationIndicatorActive: true }]);
    await vi.waitFor(() => expect(said()).toEqual([{ LocationIndicatorActive: true }, { LocationIndicatorActive: false }]), {
      timeout: 10_000,
    });
  });

  test("IndicatorLED blinks, or is lit where it cannot", async () => {
    rig = await createRig("hpe");
    on("/redfish/v1/Systems/1/", { IndicatorLED: "Off", "IndicatorLED@Redfish.AllowableValues": ["Lit", "Off"] })(rig);
    const { bmc } = rig;
    bmc.intercept = (
      (inner) => (request) =>
        request.method === "GET" ? inner?.(request) : undefined
    )(bmc.intercept);
    await rig.power().identify(60);
    expect(bmc.requests.at(-1)).toMatchObject({ method: "PATCH", body: { IndicatorLED: "Lit" } });
  });
});

describe("log", () => {
  test.each([
    ["AC power lost.", "ac-lost"],
    ["AC Power Restored", "ac-restored"],
    ["Power supply 1: AC input lost.", undefined],
    ["PSU1 AC lost", undefined],
    ["The power button was pressed.", "button"],
    ["The system was powered off.", "turned-off"],
    ["OpenBMC.0.1.DCPowerOff Host system DC power is off.", "turned-off"],
    ["OpenBMC.0.1.DCPowerOn Host system DC power is on.", "turned-on"],
    ["Server power restored.", "turned-on"],
    ["Server power removed.", "turned-off"],
    ["Power restored to iLO.", "ac-restored"],
    ["Fan 3 failed", undefined],
    ["", undefined],
  ])("%j means %s", (message, meaning) => {
    expect(powerMeaning(message)).toBe(meaning);
  });

  test("a date before the BMC's clock was set is none", () => {
    expect(entryOf({ Message: "x", Created: "1970-01-01T00:00:12Z", Severity: "OK" })).toEqual({ severity: "ok", message: "x" });
    expect(entryOf({ Message: "x", Created: "2026-03-01T10:00:00+02:00" })).toMatchObject({
      at: "2026-03-01T08:00:00.000Z",
      severity: "unknown",
    });
  });

  const entry = (Id: string, Created?: string) => ({ Id, Message: `entry ${Id}`, ...(Created ? { Created } : {}) });
  const day = (date: number) => `2026-01-${date}T00:00:00Z`;
  test.each([
    ["newest first", [entry("3", day(13)), entry("2", day(12)), entry("1", day(11))]],
    ["oldest first", [entry("1", day(11)), entry("2", day(12)), entry("3", day(13))]],
    ["sorted by name", [entry("2", day(12)), entry("3", day(13)), entry("1", day(11))]],
    ["newest first, the clock lost at last", [entry("3"), entry("2", day(12)), entry("1", day(11))]],
    ["oldest first, the clock lost at last", [entry("1", day(11)), entry("2", day(12)), entry("3", "1970-01-01T00:00:00Z")]],
  ])("%s becomes oldest first", async (_, Members) => {
    rig = await createRig("dell");
    on("/redfish/v1/Managers/iDRAC.Embedded.1/LogServices/Sel/Entries", { Members })(rig);
    expect((await rig.power().eventLog()).map(({ message }) => message)).toEqual(["entry 1", "entry 2", "entry 3"]);
  });

  test("no log is a typed refusal", async () => {
    rig = await createRig("dell");
    on("/redfish/v1/Managers/iDRAC.Embedded.1", {})(rig);
    await expect(rig.power().eventLog()).rejects.toMatchObject({ code: "LO_UNSUPPORTED" });
  });

  test("links only: just the newest entries are read", async () => {
    rig = await createRig("hpe");
    for (let press = 0; press < 12; press += 1) rig.host.mains(press % 2 === 1);
    rig.asked();
    const entries = await rig.power().eventLog({ limit: 3 });
    expect(entries).toHaveLength(3);
    const read = rig.asked().filter((line) => /Entries\/\d+/.test(line));
    expect(read.map((line) => Number(/(\d+)\/$/.exec(line)?.[1]))).toEqual([11, 12, 13]);
  });
});
