import { describe, expect, it, onTestFinished } from "vitest";
import { powerContract } from "#test/contracts/power.ts";
import { ipmiRig } from "./ipmi-rig.ts";
import { login, pyghmi, startPyghmi } from "./pyghmi.ts";

describe.skipIf(!pyghmi)("our client drives pyghmi's BMC", () => {
  const make = async (state: "on" | "off") => {
    const server = await startPyghmi(state);
    return ipmiRig(server, server.identity, login);
  };
  // It has neither a locator light nor a Cold Reset, and no firmware is behind it that uses up a boot override.
  powerContract("pyghmi", make, { bootOnce: "kept", lacks: ["identify", "reset-controller"] });

  const start = async () => {
    const rig = await make("on");
    onTestFinished(() => rig.close());
    return rig;
  };

  it("logs in again, although it is deaf to a second login from one port", async () => {
    const { power, permit } = await start();
    expect((await power.state()).state).toBe("on");
    // Asks for administrator, which the open session has not, and gets its answer in a new one.
    await expect(power.resetController(permit("reset-controller"))).rejects.toMatchObject({ code: "LO_UNSUPPORTED" });
    expect((await power.state()).state).toBe("on");
  });

  it("does not take its suite 3 for the 17 that was asked for", async () => {
    const { client } = await start();
    await expect(client({ cipherSuite: 17 }).state()).rejects.toThrow("it answered algorithms 1/1/1 to a request for cipher suite 17");
  });

  it("says that it loses the EFI bit of a boot override", async () => {
    const { power, permit } = await start();
    expect((await power.bootOnce(permit("boot-once"), "pxe")).answer).toMatch(/read back 8004000000, EFI bit not kept$/);
  });

  it("stops after one wrong password, and calls it silent where it answers nothing to a name that it does not know", async () => {
    const { client } = await start();
    const stranger = client({ password: "wrong" });
    await expect(stranger.state()).rejects.toThrow(/password is wrong/);
    await expect(stranger.state()).rejects.toMatchObject({ code: "LO_BMC_LOCKED" });
    await expect(client({ user: "nobody" }).state()).rejects.toMatchObject({ code: "LO_BMC_UNREACHABLE" });
  });
});
