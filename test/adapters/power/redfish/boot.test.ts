import { afterEach, describe, expect, test, vi } from "vitest";
import { isArmed, overrideOf, planBoot } from "#adapters/power/redfish/boot.ts";
import { ladder } from "#adapters/power/redfish/etag.ts";
import { dell } from "#adapters/power/redfish/oem/dell.ts";
import { supermicro } from "#adapters/power/redfish/oem/supermicro.ts";
import { UnsupportedError } from "#events";
import { createRig, type Rig, rejection, verdict } from "./rig.ts";

let rig: Rig | undefined;
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});

const patches = (from: Rig) =>
  from.bmc.requests
    .filter(({ method }) => method === "PATCH")
    .map(({ path, headers, body }) => ({ path, match: headers["if-match"], body }));

describe("against a BMC", () => {
  test("only what differs is sent, and it is read back", async () => {
    rig = await createRig("dell");
    const receipt = await rig.power().bootOnce(rig.permit("boot-once"), "pxe");
    expect(receipt).toEqual({ did: "sent", answer: "204; reads back Once Pxe UEFI" });
    expect(patches(rig).map(({ body }) => body)).toEqual([
      { Boot: { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "Pxe" } },
    ]);
  });

  test("an override that stands already is not written again", async () => {
    rig = await createRig("dell");
    const power = rig.power();
    await power.bootOnce(rig.permit("boot-once"), "pxe");
    expect((await power.bootOnce(rig.permit("boot-once"), "pxe")).did).toBe("already");
    expect((await power.bootOnce(rig.permit("boot-once"), "disk")).did).toBe("sent");
    expect(patches(rig)[1]?.body).toEqual({ Boot: { BootSourceOverrideTarget: "Hdd" } });
  });

  test("supermicro gets every property every time and stays in UEFI mode; its CD is UsbCd", async () => {
    rig = await createRig("supermicro");
    const power = rig.power();
    await power.bootOnce(rig.permit("boot-once"), "pxe");
    await power.bootOnce(rig.permit("boot-once"), "cd");
    expect(rig.host.boot).toEqual({ target: "cd", once: true, mode: "UEFI" });
    expect(patches(rig)[1]?.body).toEqual({
      Boot: { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "UsbCd", BootSourceOverrideMode: "UEFI" },
    });
  });

  test("lenovo gets its If-Match at once", async () => {
    rig = await createRig("lenovo");
    await rig.power().bootOnce(rig.permit("boot-once"), "pxe");
    expect(patches(rig).map(({ match }) => typeof match)).toEqual(["string"]);
  });

  test("ami refuses the weak form and gets the strong one, the gate asked before each", async () => {
    rig = await createRig("ami");
    const gate = vi.fn();
    await rig.power().bootOnce(rig.permit("boot-once", { gate }), "pxe");
    expect(patches(rig).map(({ match }) => match?.slice(0, 2))).toEqual(["W/", expect.stringMatching(/^"/)]);
    expect(gate).toHaveBeenCalledTimes(2);
  });

  test("hpe refuses during POST: busy, no effect", async () => {
    rig = await createRig("hpe", { power: "off" });
    rig.host.press("on", "finger");
    expect(await verdict(rig.power().bootOnce(rig.permit("boot-once"), "pxe"))).toBe("LO_BMC_BUSY, none");
  });

  test("a target that the BMC does not offer is not sent", async () => {
    rig = await createRig("dell");
    rig.bmc.intercept = ({ method, path }) =>
      method === "GET" && path.endsWith("System.Embedded.1")
        ? { status: 200, body: { PowerState: "On", Boot: { "BootSourceOverrideTarget@Redfish.AllowableValues": ["Hdd"] } } }
        : undefined;
    expect(await rejection(rig.power().bootOnce(rig.permit("boot-once"), "pxe"))).toBeInstanceOf(UnsupportedError);
    expect(patches(rig)).toEqual([]);
  });

  test("an override that reads back as lasting is an error: it would boot from the network for ever", async () => {
    rig = await createRig("dell");
    const power = rig.power();
    Object.defineProperty(rig.host, "boot", { get: () => ({ target: "pxe", once: false, mode: "UEFI" }), set: () => {} });
    expect(await verdict(power.bootOnce(rig.permit("boot-once"), "pxe"))).toBe("LO_BMC_REFUSED, unknown");
  });

  test("an override that cannot be read back may stand", async () => {
    rig = await createRig("dell");
    let patched = false;
    rig.bmc.intercept = ({ method }) => {
      if (patched) return "hang";
      patched = method === "PATCH";
      return undefined;
    };
    const power = rig.power({ timeouts: { requestMs: 1000 } });
    expect(await verdict(power.bootOnce(rig.permit("boot-once"), "pxe"))).toBe("LO_BMC_TIMEOUT, unknown");
  });

  test("properties that the settings resource takes go there (iDRAC10)", async () => {
    rig = await createRig("dell");
    const settings = "/redfish/v1/Systems/System.Embedded.1/Settings";
    const pending = { BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "None" };
    rig.bmc.intercept = ({ method, path, body }) => {
      if (path === settings && method === "PATCH") Object.assign(pending, (body as { Boot: object }).Boot);
      if (path === settings) return { status: 200, headers: { ETag: '"7"' }, body: { Boot: pending } };
      if (method === "GET" && path.endsWith("System.Embedded.1")) {
        const Boot = { BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "None" };
        return { status: 200, body: { PowerState: "Off", Boot, "@Redfish.Settings": { SettingsObject: { "@odata.id": settings } } } };
      }
      return undefined;
    };
    const power = rig.power();
    expect((await power.bootOnce(rig.permit("boot-once"), "pxe")).did).toBe("sent");
    expect(patches(rig)).toEqual([
      { path: settings, match: '"7"', body: { Boot: { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "Pxe" } } },
    ]);
    expect((await power.bootOverride()).target).toBe("pxe");
  });
});

test("half an override is an unknown effect", async () => {
  rig = await createRig("dell");
  const settings = "/redfish/v1/Systems/System.Embedded.1/Settings";
  const Boot = { BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "None" };
  rig.bmc.intercept = ({ method, path }) => {
    if (path === settings) return { status: 200, body: { Boot: { BootSourceOverrideTarget: "None" } } };
    if (!path.endsWith("System.Embedded.1")) return undefined;
    if (method === "PATCH") return { status: 400 };
    return path.includes("Systems")
      ? { status: 200, body: { PowerState: "Off", Boot, "@Redfish.Settings": { SettingsObject: { "@odata.id": settings } } } }
      : undefined;
  };
  expect(await verdict(rig.power().bootOnce(rig.permit("boot-once"), "pxe"))).toBe("LO_BMC_REFUSED, unknown");
});

describe("as data", () => {
  test.each([
    [{ BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "Pxe" }, "none", false],
    [{ BootSourceOverrideEnabled: "Continuous", BootSourceOverrideTarget: "Pxe" }, "pxe", false],
    [{ BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "UefiHttp" }, "http", true],
    [{ BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "UsbCd" }, "cd", true],
    [{ BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "constructor" }, "other", true],
    [{}, "other", false],
  ])("%j reads as %s, once %s", (Boot, target, once) => {
    expect(overrideOf({ Boot })).toMatchObject({ target, once });
  });

  test("only once counts as armed", () => {
    expect(isArmed({ target: "pxe", once: false, raw: "" }, "pxe")).toBe(false);
    expect(isArmed({ target: "pxe", once: true, raw: "" }, "pxe")).toBe(true);
    expect(isArmed({ target: "none", once: false, raw: "" }, "none")).toBe(true);
  });

  test("a mode that the system does not show is not sent (Supermicro X10)", () => {
    const system = { Boot: { BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "None" } };
    expect(planBoot({ machine: "w1", system, settings: {}, target: "pxe", quirks: supermicro })).toEqual({
      system: { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "Pxe" },
      settings: {},
    });
  });

  test("properties are routed one by one", () => {
    const system = { Boot: { BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "None" } };
    const settings = { Boot: { BootSourceOverrideTarget: "None" } };
    expect(planBoot({ machine: "w1", system, settings, target: "pxe", quirks: dell })).toEqual({
      system: { BootSourceOverrideEnabled: "Once" },
      settings: { BootSourceOverrideTarget: "Pxe" },
    });
  });

  test("the ladder of If-Match", () => {
    expect(ladder('W/"ab-gzip"')).toEqual(['W/"ab-gzip"', '"ab-gzip"', '"ab"', "ab", undefined]);
    expect(ladder('"ab"')).toEqual(['"ab"', "ab", undefined]);
    expect(ladder(undefined)).toEqual([undefined, "*"]);
  });
});
