import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { type CipherSuite, createIpmiPower, createIpmiTransport } from "#adapters/power/ipmi/mod.ts";
import { systemClock } from "#events";
import { isOpenRequest, isOpenResponse, isRakp1, isRakp2, isRakp3, isSessionless, type Pass } from "./relay.ts";
import { failure, rigsPerTest, timeouts } from "./rig.ts";

const rigWith = rigsPerTest();

/** Authentication algorithm of an Open Session Request or Response. */
const askedSuite = (datagram: Buffer) => datagram[28] ?? 0;

describe("cipher suites", () => {
  const suitesAsked = (dropped: (datagram: Buffer) => boolean) => {
    const asked: number[] = [];
    const pass: Pass = (datagram) => {
      if (isOpenRequest(datagram)) asked.push(askedSuite(datagram) === 3 ? 17 : 3);
      return dropped(datagram) ? [] : [datagram];
    };
    return { asked, pass };
  };

  it("takes 17 where the BMC lists both", async () => {
    const { asked, pass } = suitesAsked(() => false);
    const { power } = await rigWith({ pass });
    await power.state();
    expect(asked).toEqual([17]);
  });

  it("takes 3 at once where the BMC lists nothing better", async () => {
    const { asked, pass } = suitesAsked(() => false);
    const { power } = await rigWith({ bmc: { suites: [3] }, pass });
    await power.state();
    expect(asked).toEqual([3]);
  });

  it("tries 17, then 3, where the BMC does not list them and refuses 17", async () => {
    const { asked, pass } = suitesAsked(isSessionless);
    const { power } = await rigWith({ bmc: { suites: [3] }, pass });
    await power.state();
    expect(asked).toEqual([17, 3]);
  });

  it("tries 3 where the BMC lists nothing and is silent to 17, and remembers", async () => {
    const { asked, pass } = suitesAsked((datagram) => isSessionless(datagram) || (isOpenRequest(datagram) && askedSuite(datagram) === 3));
    const { power, bmc } = await rigWith({ pass });
    await power.state();
    expect(asked).toEqual([17, 3]);
    bmc.forgetSessions();
    await power.state();
    expect(asked).toEqual([17, 3, 3]);
  });

  it("never goes below a suite that worked", async () => {
    const suites: CipherSuite[] = [17, 3];
    const { power, bmc } = await rigWith({ bmc: { suites } });
    await power.state();
    suites.shift();
    bmc.forgetSessions();
    const error = await failure(power.state());
    expect(error).toMatchObject({ code: "LO_BMC_PROTOCOL", effect: "none" });
    expect(error.message).toContain("no cipher suite in common");
  });

  it("refuses a BMC that answers another suite than it was asked for", async () => {
    const downgrade: Pass = (datagram, direction) => {
      if (direction === "to-client" && isOpenResponse(datagram)) for (const offset of [32, 40, 48]) datagram[offset] = 1;
      return [datagram];
    };
    const { power } = await rigWith({ pass: downgrade, power: { cipherSuite: 17 } });
    const error = await failure(power.state());
    expect(error.code).toBe("LO_BMC_PROTOCOL");
    expect(error.message).toContain("answered algorithms 1/1/1 to a request for cipher suite 17");
  });
});

describe("credentials", () => {
  const logins = () => {
    const seen: Buffer[] = [];
    const pass: Pass = (datagram) => {
      if (isRakp1(datagram)) seen.push(datagram);
      return [datagram];
    };
    return { seen, pass };
  };

  it("tries a wrong password once, frees the slot, and then stays silent", async () => {
    const { seen, pass } = logins();
    const { power, bmc, permit } = await rigWith({ pass, power: { password: "hunter2-wrong" } });
    const error = await failure(power.state());
    expect(error).toMatchObject({ code: "LO_BMC_AUTH", effect: "none" });
    expect(error.message).toContain("the password is wrong");
    expect((await failure(power.state())).code).toBe("LO_BMC_LOCKED");
    expect(await failure(power.off(permit("force-off"), "hard"))).toMatchObject({ code: "LO_BMC_LOCKED", effect: "none" });
    expect(seen).toHaveLength(1);
    await vi.waitFor(() => expect(bmc.sessions()).toBe(0), { timeout: 10_000 });
  });

  it("tries an unknown user once", async () => {
    const { seen, pass } = logins();
    const { power } = await rigWith({ pass, power: { user: "nobody" } });
    const error = await failure(power.state());
    expect(error.code).toBe("LO_BMC_AUTH");
    expect(error.message).toContain("status 0D");
    await failure(power.state());
    expect(seen).toHaveLength(1);
  });

  it("says that the user may be the wrong one where a BMC does not tell whom it knows", async () => {
    const { power } = await rigWith({ bmc: { hidesUsers: true }, power: { user: "nobody" } });
    expect(await failure(power.state())).toMatchObject({ code: "LO_BMC_AUTH", hint: expect.stringContaining("or the user name") });
    expect(await failure(power.state())).toMatchObject({ code: "LO_BMC_LOCKED" });
  });

  it("logs in again from another port where a BMC is deaf to a second login from the first", async () => {
    const { power, permit, bmc } = await rigWith({ bmc: { oncePerPort: true } });
    expect((await power.state()).state).toBe("on");
    // Asks for administrator, which the open session has not.
    expect((await power.resetController(permit("reset-controller"))).did).toBe("sent");
    expect((await power.state()).state).toBe("on");
    await power.close();
    expect(bmc.sessions()).toBe(0);
  });

  it("logs in with K_g, and names K_g when it is wrong or missing", async () => {
    const right = await rigWith({ bmc: { kg: "second" }, power: { kg: "second" } });
    expect((await right.power.state()).state).toBe("on");
    const wrong = await rigWith({ bmc: { kg: "second" }, power: { kg: "other" } });
    expect((await failure(wrong.power.state())).message).toContain("K_g is wrong");
    const missing = await rigWith({ bmc: { kg: "second" } });
    const error = await failure(missing.power.state());
    expect(error.code).toBe("LO_BMC_AUTH");
    expect(error.message).toContain("has a K_g and none is configured");
    expect((await failure(missing.power.state())).code).toBe("LO_BMC_LOCKED");
  });

  /** The first datagram of a kind is changed on its way; the others pass as they are. */
  const firstOf = (is: (datagram: Buffer) => boolean, change: (datagram: Buffer) => Buffer[]): Pass => {
    let left = 1;
    return (datagram) => (is(datagram) && left-- > 0 ? change(datagram) : [datagram]);
  };
  const damaged = (datagram: Buffer, at: number) => {
    const copy = Buffer.from(datagram);
    copy[at] = (copy[at] ?? 0) ^ 0x01;
    return copy;
  };
  // RAKP 1: the console's random number from byte 24 on, the user's name from byte 44. RAKP 2: the code from byte 56 on.
  it.each([
    ["a RAKP 1 that the network doubled: its BMC draws new random numbers", firstOf(isRakp1, (one) => [one, one])],
    ["a RAKP 1 whose user was damaged, before the right one", firstOf(isRakp1, (one) => [damaged(one, 44), one])],
    ["a RAKP 1 whose random number was damaged, before the right one", firstOf(isRakp1, (one) => [damaged(one, 30), one])],
    ["a RAKP 2 whose code was damaged, before the right one", firstOf(isRakp2, (two) => [damaged(two, 60), two])],
    ["a RAKP 3 whose code was damaged, before the right one", firstOf(isRakp3, (three) => [damaged(three, 26), three])],
  ])("does not take for a wrong password %s", async (_, pass) => {
    const { power } = await rigWith({ pass, power: { timeouts: { ...timeouts, setupTries: 3 } } });
    expect((await power.state()).state).toBe("on");
    expect((await power.identity()).uuids.length).toBeGreaterThan(0);
  });

  it("shows secrets neither in errors nor to an inspector", async () => {
    const { power } = await rigWith({ power: { password: "hunter2-wrong", kg: "kg-secret" } });
    const shown = inspect([await failure(power.state()), power], { depth: 20, showHidden: true });
    expect(shown).not.toMatch(/hunter2|kg-secret/);
  });

  it("names a privilege that the user may not have, and goes on with what it may", async () => {
    const { power, permit } = await rigWith({ bmc: { userPrivilege: 3 } });
    const error = await failure(power.resetController(permit("reset-controller")));
    expect(error).toMatchObject({ code: "LO_BMC_AUTH", effect: "none" });
    expect(error.message).toContain("privilege");
    expect((await power.state()).state).toBe("on");
  });

  it("refuses acts to a session at user level, with effect none", async () => {
    const { power, permit, host } = await rigWith({ power: { privilege: "user" } });
    const error = await failure(power.off(permit("force-off"), "hard"));
    expect(error).toMatchObject({ code: "LO_BMC_REFUSED", effect: "none" });
    expect(error.message).toContain("D4 (insufficient privilege)");
    expect(host.power()).toBe("on");
  });

  it.each([
    ["user", { user: "a-user-of-17-byte" }],
    ["password", { password: "a-password-of-21-byte" }],
    ["K_g", { kg: Buffer.alloc(21) }],
  ])("does not take a %s that is too long for the protocol", (_, long) => {
    const transport = createIpmiTransport({ clock: systemClock });
    const options = { machine: "m1", host: "127.0.0.1", user: "u", password: "p", expect: {}, clock: systemClock, transport, ...long };
    expect(() => createIpmiPower(options)).toThrow(/IPMI allows/);
  });
});

describe("a BMC that cannot be talked to", () => {
  it("says when the name does not resolve", async () => {
    const { power } = await rigWith({ power: { host: "bmc.invalid" } });
    expect(await failure(power.state())).toMatchObject({ code: "LO_BMC_UNREACHABLE", effect: "none" });
  });

  it("says when all session slots are taken", async () => {
    const { power } = await rigWith({ bmc: { slots: 0 } });
    const error = await failure(power.state());
    expect(error.code).toBe("LO_BMC_BUSY");
    expect(error.message).toContain("session slots");
  });

  it("hints at IPMI over LAN being turned off when nothing answers", async () => {
    const { power } = await rigWith({ host: { faults: { bmcDead: true } } });
    expect((await failure(power.state())).hint).toContain("turned off");
  });
});

describe("an address to boot from", () => {
  it.each([
    ["http", "boot-http"],
    ["cd", "virtual-media"],
  ] as const)("%s: is not for IPMI, and nothing is sent", async (target, capability) => {
    const { bmc, permit, power } = await rigWith();
    const asked = power.bootOnce(permit("boot-once"), target, "http://10.0.10.2/x");
    await expect(asked).rejects.toMatchObject({ code: "LO_UNSUPPORTED", message: expect.stringContaining(capability) });
    expect(bmc.requests).toEqual([]);
  });
});
