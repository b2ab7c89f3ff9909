import { afterEach, describe, expect, test } from "vitest";
import { GateClosedError } from "#events";
import type { PersonalityName } from "#test/lab/redfish-personalities.ts";
import { createRig, type Rig, verdict } from "./rig.ts";

const image = "http://10.0.10.2:7481/assets/metal-amd64.iso";
const uri = "http://10.0.10.2:7481/efi/ipxe.efi";

let rig: Rig;
const start = async (personality: PersonalityName = "dell") => {
  rig = await createRig(personality);
  const power = rig.power();
  const boot = (...[target, from]: [Parameters<typeof power.bootOnce>[1], string?]) =>
    power.bootOnce(rig.permit("boot-once"), target, from);
  return { power, boot };
};
afterEach(() => rig.close());
const writes = () =>
  rig.bmc.requests
    .filter(({ method, path }) => method !== "GET" && !path.includes("Sessions"))
    .map(({ method, path, body }) => `${method} ${path.split("/").at(-1)} ${JSON.stringify(body)}`);

describe("UEFI HTTP boot", () => {
  test("once, from where it was said, and read back", async () => {
    const { boot, power } = await start();
    expect((await boot("http", uri)).did).toBe("sent");
    expect(rig.host.boot).toMatchObject({ target: "http", once: true, uri });
    expect(await power.bootOverride()).toMatchObject({ target: "http", once: true, uri });
    expect((await boot("http", uri)).did).toBe("already");
    expect((await boot("http", `${uri}?2`)).did).toBe("sent");
  });

  test("a machine that was to start without UEFI is told to, for it could not otherwise", async () => {
    const { boot } = await start();
    rig.host.boot = { target: "none", once: false, mode: "Legacy" };
    await boot("http", uri);
    expect(rig.host.boot).toMatchObject({ target: "http", mode: "UEFI" });
  });

  test("a BMC that lists no targets is believed where it has a place for the address, and not where it has none (iDRAC10)", async () => {
    const { boot, power } = await start();
    const shown: Record<string, unknown> = { BootSourceOverrideEnabled: "Disabled", BootSourceOverrideTarget: "None", HttpBootUri: "" };
    rig.bmc.intercept = ({ method, path, body }) => {
      if (!path.endsWith("Systems/System.Embedded.1")) return undefined;
      if (method === "PATCH") Object.assign(shown, (body as { Boot: object }).Boot);
      return { status: 200, body: { PowerState: "Off", Boot: shown } };
    };
    expect((await power.capabilities()).has("boot-http")).toBe(true);
    expect((await boot("http", uri)).did).toBe("sent");
    delete shown.HttpBootUri;
    await expect(boot("http", `${uri}?2`)).rejects.toMatchObject({ code: "LO_UNSUPPORTED" });
  });
});

describe("virtual media", () => {
  test.each(["dell", "hpe", "supermicro", "lenovo", "ami"] as const)(
    "%s: an image goes into the drive, the machine boots from it once, and it comes out again",
    async (personality) => {
      const { boot, power } = await start(personality);
      expect((await power.capabilities()).has("virtual-media")).toBe(true);
      expect((await boot("cd", image)).answer).toContain(`inserted ${image}`);
      expect(rig.host.boot).toMatchObject({ target: "cd", once: true });
      expect((await boot("cd", image)).did).toBe("already");
      expect((await boot("none", image)).answer).toContain(`ejected ${image}`);
      expect(rig.host.boot.target).toBe("none");
      // Taken out once it is out: a BMC that goes on naming it is understood, and a new one goes in.
      expect((await boot("none", image)).did).toBe("already");
      expect((await boot("cd", `${image}?2`)).answer).toContain("inserted");
    },
  );

  test("the drive is asked for the least; an address whose protocol must be named is named", async () => {
    const { boot } = await start();
    await boot("cd", image);
    expect(writes()[0]).toBe(`POST VirtualMedia.InsertMedia ${JSON.stringify({ Image: image })}`);
    await boot("none", image);
    let asked = 0;
    rig.bmc.intercept = ({ path, body }) => {
      if (!path.endsWith("InsertMedia") || "TransferProtocolType" in (body as object)) return undefined;
      asked += 1;
      const info = { MessageId: "Base.1.8.ActionParameterMissing", MessageArgs: ["InsertMedia", "TransferProtocolType"] };
      return { status: 400, body: { error: { "@Message.ExtendedInfo": [info] } } };
    };
    await boot("cd", image);
    expect(asked).toBe(1);
    expect(writes()).toContain(`POST VirtualMedia.InsertMedia ${JSON.stringify({ Image: image, TransferProtocolType: "HTTP" })}`);
  });

  test("the manager's drives are found where the system has collections of its own without one (iDRAC10)", async () => {
    const { boot } = await start();
    const system = "/redfish/v1/Systems/System.Embedded.1";
    rig.bmc.intercept = ({ method, path }) => {
      if (method !== "GET") return undefined;
      if (path === `${system}/VirtualMedia`) return { status: 200, body: { Members: [{ "@odata.id": `${path}/1` }] } };
      if (path === `${system}/VirtualMedia/1`) return { status: 200, body: { MediaTypes: ["USBStick"], Inserted: false } };
      if (path !== system) return undefined;
      const Boot = { BootSourceOverrideEnabled: "Once", BootSourceOverrideTarget: "Cd" };
      const Links = { ManagedBy: [{ "@odata.id": "/redfish/v1/Managers/iDRAC.Embedded.1" }] };
      return { status: 200, body: { PowerState: "Off", Boot, Links, VirtualMedia: { "@odata.id": `${system}/VirtualMedia` } } };
    };
    expect((await boot("cd", image)).answer).toBe(`inserted ${image}`);
  });

  test("somebody else's image stays, is named, and nothing is set", async () => {
    const { boot } = await start();
    await boot("cd", "http://elsewhere/windows.iso");
    await boot("none");
    const before = writes().length;
    await expect(boot("cd", image)).rejects.toMatchObject({
      message: expect.stringContaining("http://elsewhere/windows.iso"),
      effect: "none",
    });
    expect((await boot("none", image)).did).toBe("already");
    expect(writes()).toHaveLength(before);
    expect(rig.host.boot.target).toBe("none");
  });

  test("with the gate shut nothing is inserted", async () => {
    const { power } = await start();
    const shut = rig.permit("boot-once", {
      gate() {
        throw new Error("shut");
      },
    });
    await expect(power.bootOnce(shut, "cd", image)).rejects.toThrow("shut");
    expect(writes()).toEqual([]);
  });

  test("a gate that shuts between the image and the override leaves an unknown effect", async () => {
    const { power } = await start();
    let passed = 0;
    const shutting = rig.permit("boot-once", {
      gate() {
        passed += 1;
        if (passed > 1) throw new GateClosedError("w1", "boot-once", "shut");
      },
    });
    expect(await verdict(power.bootOnce(shutting, "cd", image))).toBe("LO_GATE_CLOSED, unknown");
    expect(writes()).toHaveLength(1);
  });

  test("an image that was accepted and is not there is told: the machine would boot something else", async () => {
    const { boot } = await start();
    rig.bmc.intercept = ({ path }) => (path.endsWith("InsertMedia") ? { status: 204 } : undefined);
    expect(await verdict(boot("cd", image))).toBe("LO_BMC_REFUSED, unknown");
    expect(rig.host.boot.target).toBe("none");
  });

  test("a refused image has no effect, and a lost answer may have one", async () => {
    const { power } = await start();
    const short = rig.power({ timeouts: { requestMs: 150 } });
    rig.bmc.intercept = ({ path }) => (path.endsWith("InsertMedia") ? { status: 403 } : undefined);
    expect(await verdict(power.bootOnce(rig.permit("boot-once"), "cd", image))).toBe("LO_BMC_REFUSED, none");
    rig.bmc.intercept = ({ path }) => (path.endsWith("InsertMedia") ? "then-hang" : undefined);
    expect(await verdict(short.bootOnce(rig.permit("boot-once"), "cd", image))).toMatch(/, unknown$/);
    rig.bmc.intercept = undefined;
    expect((await power.bootOnce(rig.permit("boot-once"), "cd", image)).did).toBe("sent");
    expect(writes().filter((write) => write.includes("InsertMedia"))).toHaveLength(2);
  });
});

test("a BMC without a virtual drive or UEFI HTTP boot says so, and nothing is sent", async () => {
  const { boot, power } = await start("openbmc");
  const can = await power.capabilities();
  expect([can.has("boot-http"), can.has("virtual-media")]).toEqual([false, false]);
  await expect(boot("http", uri)).rejects.toThrow("not UefiHttp");
  await expect(boot("cd", image)).rejects.toThrow("no virtual CD drive");
  expect(rig.host.boot.target).toBe("none");
});
