import { afterEach, describe, expect, test } from "vitest";
import { resetTypes } from "#adapters/power/redfish/discovery.ts";
import { quirksFor } from "#adapters/power/redfish/oem/quirks.ts";
import { createRig, type Rig, rejection, verdict } from "./rig.ts";

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

const mine = { uuid: "41424344-4546-4748-494a-4b4c4d4e4f50", serial: "SN-2" };
const nodes: Readonly<Record<string, object>> = {
  "/redfish/v1/Systems/Node1": { UUID: "11111111-2222-3333-4444-555555555551", SerialNumber: "SN-1", PowerState: "Off" },
  "/redfish/v1/Systems/Node2": { UUID: mine.uuid, SerialNumber: mine.serial, PowerState: "On" },
  "/redfish/v1/Systems/Node3": { UUID: "11111111-2222-3333-4444-555555555553", SerialNumber: "SN-3", PowerState: "Off" },
};

/** A chassis of three nodes, two of them on the second page. */
async function threeNodes() {
  const made = await createRig("dell");
  const [one, ...others] = Object.keys(nodes).map((path) => ({ "@odata.id": path }));
  made.bmc.intercept = ({ path }) => {
    if (path === "/redfish/v1/Systems")
      return { status: 200, body: { Members: [one], "Members@odata.nextLink": "/redfish/v1/Systems?$skip=1" } };
    if (path === "/redfish/v1/Systems?$skip=1") return { status: 200, body: { Members: others } };
    return nodes[path] ? { status: 200, body: nodes[path] } : undefined;
  };
  return made;
}

describe("several systems behind one BMC", () => {
  test.each([[{ uuid: mine.uuid }], [{ serial: "sn-2" }], [mine]])("the one with %j is meant", async (expect_) => {
    rig = await threeNodes();
    expect((await rig.power({ expect: expect_ }).state()).state).toBe("on");
  });

  test.each([[{}], [{ uuid: mine.uuid, serial: "SN-1" }], [{ serial: "SN-9" }]])("none is guessed from %j", async (expect_) => {
    rig = await threeNodes();
    expect(await verdict(rig.power({ expect: expect_ }).state())).toBe("LO_BMC_IDENTITY, none");
  });
});

describe("what is found", () => {
  test("everything by links, once", async () => {
    rig = await createRig("hpe");
    const power = rig.power();
    await power.state();
    expect(rig.asked()).toEqual([
      "GET /redfish/v1/",
      "POST /redfish/v1/SessionService/Sessions/",
      "GET /redfish/v1/",
      "GET /redfish/v1/Systems/",
      "GET /redfish/v1/Systems/1/",
      "GET /redfish/v1/Managers/1/",
      "GET /redfish/v1/Chassis/1/",
      "GET /redfish/v1/Systems/1/",
    ]);
    await power.state();
    expect(rig.asked()).toEqual(["GET /redfish/v1/Systems/1/"]);
  });

  test("a service without Systems is told as such", async () => {
    rig = await createRig("dell");
    rig.bmc.intercept = ({ path }) => (path === "/redfish/v1/" ? { status: 200, body: {} } : undefined);
    expect(await rejection(rig.power({ auth: "basic" }).state())).toMatchObject({
      code: "LO_BMC_PROTOCOL",
      message: expect.stringContaining("no Systems"),
    });
  });

  test("a collection that pages in a circle ends", async () => {
    rig = await createRig("dell");
    const body = { Members: [{ "@odata.id": "/redfish/v1/Systems/System.Embedded.1" }], "Members@odata.nextLink": "/redfish/v1/Systems" };
    rig.bmc.intercept = ({ path }) => (path === "/redfish/v1/Systems" ? { status: 200, body } : undefined);
    expect((await rig.power().state()).state).toBe("on");
  });

  test.each([
    ["dell", ["boot-progress", "power-reading"], ["last-reset"]],
    ["hpe", ["boot-progress", "event-log"], ["last-reset"]],
    ["openbmc", ["last-reset", "prove-off", "reset-controller"], []],
    ["supermicro", ["last-reset", "identify"], []],
  ] as const)("%s can do %j, not %j", async (personality, can, cannot) => {
    rig = await createRig(personality);
    const found = await rig.power().capabilities();
    for (const one of can) expect(found).toContain(one);
    for (const one of cannot) expect(found).not.toContain(one);
  });
});

describe("quirks", () => {
  test.each([
    [["Dell"], "dell"],
    [["HPE"], "hpe"],
    [["Hp"], "hpe"],
    [["Supermicro"], "supermicro"],
    [["Lenovo"], "lenovo"],
    [["OpenBmc", "Supermicro"], "openbmc"],
    [["AMI", "GIGABYTE"], "ami"],
    [["Giga Computing"], "ami"],
    [["ACME"], "standard"],
    [[], "standard"],
  ])("%j are %s", (names, vendor) => {
    expect(quirksFor(names).vendor).toBe(vendor);
  });

  test("run-together reset types", () => {
    expect(resetTypes([])).toBeUndefined();
    expect(resetTypes(["On", "GracefulShutdownGracefulRestart", "OnX", "FullPowerCycle"])).toEqual([
      "On",
      "GracefulShutdown",
      "GracefulRestart",
      "OnX",
      "FullPowerCycle",
    ]);
  });
});
