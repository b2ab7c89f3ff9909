import { describe, expect, it } from "vitest";
import { effectOf } from "#events";
import { rigsPerTest } from "./rig.ts";

const rigWith = rigsPerTest();

describe("what a BMC reports", () => {
  it.each(["smbios", "rfc", "ipmi"] as const)("a uuid in %s order is its machine's", async (guidOrder) => {
    const rig = await rigWith({ bmc: { guidOrder } });
    expect((await rig.power.identity()).uuids).toContain(rig.host.identity.uuid);
    expect((await rig.power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
  });

  it("a uuid that Get System GUID does not tell is taken from the login", async () => {
    const rig = await rigWith({ bmc: { refuses: ({ netFn, cmd }) => (netFn === 6 && cmd === 0x37 ? 0xc1 : undefined) } });
    expect((await rig.power.identity()).uuids).toContain(rig.host.identity.uuid);
  });

  it("checks the identity in the session of the write, right before it", async () => {
    const rig = await rigWith();
    await rig.power.off(rig.permit("force-off"), "hard");
    const commands = rig.commands();
    // And closed right behind it: Close Session.
    expect(commands.slice(commands.indexOf("0/2") - 1)).toEqual(["6/37", "0/2", "6/3c"]);
  });

  it("that it has no locator light: refused by type, with what to do instead", async () => {
    const rig = await rigWith({ bmc: { refuses: ({ netFn, cmd }) => (netFn === 0 && cmd === 4 ? 0xc1 : undefined) } });
    await expect(rig.power.identify(5)).rejects.toMatchObject({
      code: "LO_UNSUPPORTED",
      message: "m1: identify is not available: Chassis Identify: C1 (unknown command)",
      hint: expect.stringContaining("serial number"),
    });
  });

  it("an event log whose record ids have gaps", async () => {
    const rig = await rigWith({ bmc: { selStep: 3 } });
    for (let round = 0; round < 4; round += 1) {
      rig.host.mains(false);
      rig.host.mains(true);
    }
    expect((await rig.power.eventLog({ limit: 3 })).map(({ power }) => power)).toEqual(["ac-restored", "ac-lost", "ac-restored"]);
    expect(await rig.power.eventLog()).toHaveLength(8);
  });

  it("a last reset that changes with the event log's newest power event, and none from an empty log", async () => {
    const rig = await rigWith();
    expect(await rig.power.lastReset()).toBeUndefined();
    await rig.power.reset(rig.permit("reset"));
    const first = await rig.power.lastReset();
    expect(first).toBeDefined();
    expect(await rig.power.lastReset()).toBe(first);
    await rig.power.reset(rig.permit("reset"));
    expect(await rig.power.lastReset()).not.toBe(first);
  });

  it("that it keeps no event log: then nothing tells its last reset", async () => {
    const rig = await rigWith({ bmc: { keepsLog: false } });
    expect((await rig.power.capabilities()).has("event-log")).toBe(false);
    expect(await rig.power.lastReset()).toBeUndefined();
    await expect(rig.power.eventLog()).rejects.toMatchObject({ code: "LO_UNSUPPORTED" });
  });

  it("in answers that are addressed to the BMC itself: inside and outside a session they are the caller's", async () => {
    const rig = await rigWith({ bmc: { answersTo: 0x20, suites: [3] } });
    expect((await rig.power.state()).state).toBe("on");
    expect(rig.commands()).toContain("6/54");
  });

  it("boot flags with the EFI bit, once, acknowledged and kept", async () => {
    const rig = await rigWith();
    await rig.power.bootOnce(rig.permit("boot-once"), "pxe");
    const writes = rig.bmc.requests.filter(({ netFn, cmd }) => netFn === 0 && cmd === 8).map(({ data }) => data.toString("hex"));
    expect(writes).toEqual(["040101", "0308", "05a004000000"]);
    expect(rig.host.boot).toEqual({ target: "pxe", once: true, mode: "UEFI" });
    expect(await rig.power.bootOverride()).toEqual({ target: "pxe", once: true, raw: "a004000000" });
  });

  it.each([
    ["that it does not have", 0xc1, "LO_UNSUPPORTED"],
    ["that this user may not give", 0xd4, "LO_BMC_REFUSED"],
  ])("a command %s, as a refusal with effect none", async (_, completion, code) => {
    const rig = await rigWith({ bmc: { refuses: ({ netFn, cmd }) => (netFn === 6 && cmd === 2 ? completion : undefined) } });
    const error = await rig.power.resetController(rig.permit("reset-controller")).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code });
    expect(effectOf(error)).toBe("none");
  });
});
