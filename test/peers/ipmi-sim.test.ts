import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createIpmiPower, createIpmiTransport, type IpmiPowerOptions, type IpmiTransport } from "#adapters/power/ipmi/mod.ts";
import type { Power } from "#adapters/power/port.ts";
import { type DeviceError, systemClock, UnsupportedError } from "#events";
import { permitFor } from "#test/adapters/power/ipmi/rig.ts";
import type { PowerRig } from "#test/contracts/power/rig.ts";
import { powerContract } from "#test/contracts/power.ts";
import { ipmiRig, timeouts } from "#test/peers/ipmi-rig.ts";
import { type IpmiSim, startIpmiSim, uuids } from "#test/peers/ipmi-sim.ts";
import { peer } from "#test/peers/peer.ts";

const ipmiSim = peer("ipmi_sim", "openipmi");

const login = { user: "admin", password: "secret" };
const identity = { uuid: uuids[0] ?? "", serial: "SN-m1" };

async function makeRig(state: "on" | "off"): Promise<PowerRig> {
  const sim = await startIpmiSim(ipmiSim ?? "");
  sim.set(state);
  return ipmiRig(sim, identity, login);
}

describe.skipIf(!ipmiSim)("our client drives OpenIPMI's ipmi_sim", () => {
  // It reads boot flags back without their valid bit, and has no Cold Reset, which IPMI leaves open to a BMC.
  powerContract("OpenIPMI's ipmi_sim", makeRig, { bootOnce: "unmarked", lacks: ["reset-controller"] });

  let sim: IpmiSim;
  let simWithKg: IpmiSim;
  let transport: IpmiTransport;
  let power: Power;
  const opened: Power[] = [];

  const client = (options: Partial<IpmiPowerOptions> = {}): Power => {
    const made = createIpmiPower({
      machine: "m1",
      host: "127.0.0.1",
      port: sim.port,
      ...login,
      expect: identity,
      clock: systemClock,
      transport,
      timeouts,
      ...options,
    });
    opened.push(made);
    return made;
  };
  const code = async (work: Promise<unknown>) =>
    (
      (await work.then(
        () => undefined,
        (error: unknown) => error,
      )) as DeviceError | undefined
    )?.code;

  beforeAll(async () => {
    transport = createIpmiTransport({ clock: systemClock });
    sim = await startIpmiSim(ipmiSim ?? "");
    simWithKg = await startIpmiSim(ipmiSim ?? "", { kg: "abcdefghijklmnop" });
  });
  beforeEach(() => {
    sim.set("on");
    simWithKg.set("on");
    power = client();
  });
  afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));
  afterAll(async () => {
    await transport.close();
    await sim.stop();
    await simWithKg.stop();
  });

  it("sets the boot device, and says which bits this BMC loses", async () => {
    const receipt = await power.bootOnce(permitFor("m1", "boot-once"), "pxe");
    expect(receipt.answer).toContain("valid bit not kept");
    expect(receipt.answer).toContain("EFI bit not kept");
    expect(sim.log()).toEqual(["boot pxe"]);
    // Without the valid bit nothing is in force, as far as a reader can know.
    expect(await power.bootOverride()).toMatchObject({ target: "none", once: false, raw: "0004000000" });
  });

  it("reads identity in every byte order, and firmware", async () => {
    const identity = await power.identity();
    expect(identity.uuids.toSorted()).toEqual(uuids.toSorted());
    expect(identity).toMatchObject({ serial: "SN-m1", manufacturer: "ACME", model: "Box1", firmware: "9.08" });
  });

  it.each(uuids)("takes %s for this machine's uuid", async (uuid) => {
    expect((await client({ expect: { uuid } }).off(permitFor("m1", "force-off"), "hard")).did).toBe("sent");
  });

  it("reads the event log", async () => {
    const entries = await power.eventLog();
    expect(entries.slice(0, 2).map(({ power: said }) => said)).toEqual(["ac-lost", "ac-restored"]);
    expect(await power.eventLog({ limit: 1 })).toEqual(entries.slice(-1));
  });

  it("has an event log and no DCMI", async () => {
    const can = await power.capabilities();
    expect(can.has("event-log")).toBe(true);
    expect(can.has("power-reading")).toBe(false);
    await expect(power.powerReading()).rejects.toThrow(UnsupportedError);
  });

  it("identifies, and is not confused by the garbage behind that answer", async () => {
    await power.identify(7);
    expect(sim.log()[0]).toMatch(/^identify 7/);
    expect((await power.activity()).firmwareUpdate).toBe(false);
  });

  it("works as an operator", async () => {
    const oper = client({ user: "oper", password: "secret2" });
    expect((await oper.off(permitFor("m1", "force-off"), "hard")).did).toBe("sent");
  });

  it.each([
    ["password", { password: "wrong" }, /password is wrong/],
    ["user", { user: "nobody" }, /does not know the user/],
  ])("stops after one wrong %s", async (_, wrong, message) => {
    const stranger = client(wrong);
    await expect(stranger.state()).rejects.toThrow(message);
    expect(await code(stranger.state())).toBe("LO_BMC_LOCKED");
  });

  it("says what is in common when only suite 17 is allowed", async () => {
    await expect(client({ cipherSuite: 17 }).state()).rejects.toThrow(/no cipher suite in common.*status 04/);
  });

  it("uses K_g, and names it when it is wrong or missing", async () => {
    const at = { port: simWithKg.port };
    expect((await client({ ...at, kg: "abcdefghijklmnop" }).state()).state).toBe("on");
    await expect(client({ ...at, kg: "ponmlkjihgfedcba" }).state()).rejects.toThrow(/password is right and K_g is wrong/);
    await expect(client(at).state()).rejects.toThrow(/has a K_g and none is configured/);
  });

  it("opens and closes more sessions than the BMC has slots", async () => {
    for (let round = 0; round < 70; round += 1) {
      const one = client();
      expect((await one.state()).state).toBe("on");
      await one.close();
    }
  });
});
