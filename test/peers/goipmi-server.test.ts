import { describe, expect, it, onTestFinished } from "vitest";
import { powerContract } from "#test/contracts/power.ts";
import { goIpmiRig, goipmiServer, identity, login, startGoIpmiServer } from "./goipmi-server.ts";
import { ipmiRig } from "./ipmi-rig.ts";

describe.skipIf(!goipmiServer)("our client drives go-ipmi's reference BMC", () => {
  // Its machine is a record of on and off: no firmware uses up a boot override, and no operating system hears that it shall stop.
  powerContract("go-ipmi, cipher suite 17", (state) => goIpmiRig(17, state), { bootOnce: "kept", deaf: true });

  const start = async (suites = "3,17") => {
    const server = await startGoIpmiServer(suites);
    const rig = ipmiRig({ ...server, pressed: () => [] }, identity, login);
    onTestFinished(() => rig.close());
    return { ...rig, server };
  };

  it("takes suite 17 by itself where the BMC lists it, and no weaker one after that", async () => {
    const { client, power, server } = await start();
    expect((await power.state()).state).toBe("off");
    expect(server.count("Get Channel Cipher Suites")).toBe(1);
    // A server with suite 3 alone refuses what the first one took.
    const weaker = await start("3");
    expect((await weaker.power.state()).state).toBe("off");
    await expect(weaker.client({ cipherSuite: 17 }).state()).rejects.toThrow(/no cipher suite in common/);
    expect((await client({ cipherSuite: 3 }).state()).state).toBe("off");
  });

  it("reads identity and firmware, and that there is neither an event log nor a meter", async () => {
    const { power } = await start("17");
    expect(await power.identity()).toMatchObject({ serial: "e2e", manufacturer: "go-ipmi", model: "reference-bmc", firmware: "1.00" });
    const can = await power.capabilities();
    expect([can.has("event-log"), can.has("power-reading")]).toEqual([false, false]);
    expect(await power.lastReset()).toBeUndefined();
  });

  it("keeps every bit of a boot override: device, EFI, once", async () => {
    const { power, permit } = await start("17");
    expect((await power.bootOnce(permit("boot-once"), "pxe")).answer).toMatch(/read back a004000000$/);
    expect(await power.bootOverride()).toMatchObject({ target: "pxe", once: true });
  });

  it.each([
    ["password", { password: "wrong" }, /password is wrong/],
    // It does not tell which names it knows.
    ["user", { user: "nobody" }, /password is wrong/],
  ])("stops after one wrong %s", async (_, wrong, message) => {
    const { client } = await start("17");
    const stranger = client(wrong);
    await expect(stranger.state()).rejects.toThrow(message);
    await expect(stranger.state()).rejects.toMatchObject({ code: "LO_BMC_LOCKED" });
  });

  it("opens and closes more sessions than the BMC has slots", async () => {
    const { client } = await start("17");
    for (let round = 0; round < 10; round += 1) {
      const one = client();
      expect((await one.state()).state).toBe("off");
      await one.close();
    }
  });
});
