import { randomBytes } from "node:crypto";
import { inspect } from "node:util";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createIpmiPower, createIpmiTransport } from "#adapters/power/ipmi/mod.ts";
import { DeviceError, GateClosedError, systemClock } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { createHost, type Host } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { createRelay, isInSession, isOpenRequest, type Pass } from "./relay.ts";
import { makeRig, timeouts } from "./rig.ts";

type Rig = Awaited<ReturnType<typeof makeRig>>;
const rigs: Rig[] = [];
const rigWith = async (...options: Parameters<typeof makeRig>): Promise<Rig> => {
  const rig = await makeRig(...options);
  rigs.push(rig);
  return rig;
};
afterEach(() => Promise.all(rigs.splice(0).map((rig) => rig.close())));

const failure = async (work: Promise<unknown>): Promise<DeviceError> => {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error instanceof DeviceError) return error;
  throw new Error(`expected a DeviceError, got ${inspect(error)}`);
};
const settled = (host: Host, power: string) => vi.waitFor(() => expect(host.power()).toBe(power), { timeout: 10_000, interval: 5 });

/** Loses the next `count` packets to the client once the host was asked for something. */
function loseAnswers(count: number) {
  let losing = 0;
  const pass: Pass = (datagram, direction) => {
    if (direction === "to-client" && losing > 0) {
      losing -= 1;
      return [];
    }
    return [datagram];
  };
  const armOn = (host: Host) => {
    const real = host.press;
    host.press = (action, via) => {
      host.press = real;
      losing = count;
      return real(action, via);
    };
  };
  return { pass, armOn };
}
const controls = (rig: Rig) => rig.commands().filter((command) => command === "0/2").length;

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
    await rig.power.state();
    asleep = 60_000;
    await rig.power.state();
    expect(rig.commands().filter((command) => command === "6/3b")).toHaveLength(2);
    await vi.waitFor(() => expect(rig.bmc.sessions()).toBe(1), { timeout: 10_000, interval: 5 });
  });

  it("uses administrator only to reset the BMC, and sets up anew afterwards", async () => {
    const rig = await rigWith();
    await rig.power.state();
    await rig.power.resetController(rig.permit("reset-controller"));
    await rig.power.state();
    const levels = rig.bmc.requests.filter(({ netFn, cmd }) => netFn === 6 && cmd === 0x3b).map(({ data }) => data[0]);
    expect(levels).toEqual([3, 4, 3]);
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

describe("what may be sent again", () => {
  it("a read, with the same session", async () => {
    let drop = false;
    const rig = await rigWith({
      pass: (datagram, direction) => {
        const lost = drop && direction === "to-client";
        if (lost) drop = false;
        return lost ? [] : [datagram];
      },
    });
    await rig.power.state();
    drop = true;
    expect((await rig.power.state()).state).toBe("on");
    expect(rig.commands().filter((command) => command === "0/1")).toHaveLength(3);
    expect(rig.commands().filter((command) => command === "6/3b")).toHaveLength(1);
  });

  it("an off, behind the gate again; a refusal of the copy is not a refusal", async () => {
    const { pass, armOn } = loseAnswers(1);
    const rig = await rigWith({ pass, host: { offMs: 0, faults: { refusesAlready: true } } });
    armOn(rig.host);
    const gate = vi.fn();
    expect((await rig.power.off(rig.permit("force-off", gate), "hard")).did).toBe("sent");
    expect(controls(rig)).toBe(2);
    expect(gate).toHaveBeenCalledTimes(2);
    expect(rig.host.count.off).toBe(1);
  });

  it("not an off whose gate has closed: its effect is unknown", async () => {
    const { pass, armOn } = loseAnswers(1);
    const rig = await rigWith({ pass });
    armOn(rig.host);
    const gate = vi.fn(() => {
      if (gate.mock.calls.length > 1) throw new GateClosedError("m1", "force-off", "too late");
    });
    const error = await failure(rig.power.off(rig.permit("force-off", gate), "hard"));
    expect(error).toMatchObject({ code: "LO_BMC_TIMEOUT", effect: "unknown" });
    expect(controls(rig)).toBe(1);
  });

  it("an off whose copy is refused may have worked: its effect is unknown", async () => {
    const { pass, armOn } = loseAnswers(1);
    let seen = 0;
    const refuses = ({ netFn, cmd }: { netFn: number; cmd: number }) => {
      if (netFn !== 0 || cmd !== 2) return undefined;
      seen += 1;
      return seen === 1 ? undefined : 0xc0;
    };
    const rig = await rigWith({ pass, bmc: { refuses } });
    armOn(rig.host);
    expect(await failure(rig.power.off(rig.permit("force-off"), "hard"))).toMatchObject({ code: "LO_BMC_BUSY", effect: "unknown" });
    expect(seen).toBe(2);
  });

  it("not a boot override whose read-back is lost: its effect is unknown", async () => {
    let answers = Number.POSITIVE_INFINITY;
    const pass: Pass = (datagram, direction) => {
      if (direction === "to-bmc") return [datagram];
      answers -= 1;
      return answers >= 0 ? [datagram] : [];
    };
    const rig = await rigWith({ pass });
    // Three gated writes, each answered; the read after them is not.
    let gates = 0;
    const permit = rig.permit("boot-once", () => {
      gates += 1;
      if (gates === 3) answers = 1;
    });
    expect(await failure(rig.power.bootOnce(permit, "pxe"))).toMatchObject({ code: "LO_BMC_TIMEOUT", effect: "unknown" });
    expect(rig.commands().filter((command) => command === "0/8")).toHaveLength(3);
  });

  it.each([
    ["reset", (rig: Rig) => rig.power.reset(rig.permit("reset"))],
    ["graceful off", (rig: Rig) => rig.power.off(rig.permit("power-off"), "graceful")],
  ])("not a %s, and no conversation is begun again after it", async (_, act) => {
    const { pass, armOn } = loseAnswers(1);
    const rig = await rigWith({ pass });
    armOn(rig.host);
    expect(await failure(act(rig))).toMatchObject({ code: "LO_BMC_TIMEOUT", effect: "unknown" });
    expect(controls(rig)).toBe(1);
    expect((await rig.power.state()).raw).not.toBe("");
    expect(controls(rig)).toBe(1);
  });

  it("not a cold reset", async () => {
    const sent: number[] = [];
    const rig = await rigWith({ pass: (datagram, direction) => (direction === "to-client" && sent.length > 0 ? [] : [datagram]) });
    const permit = rig.permit("reset-controller", () => void sent.push(1));
    expect((await failure(rig.power.resetController(permit))).effect).toBe("unknown");
    expect(sent).toHaveLength(1);
    expect(rig.commands().filter((command) => command === "6/2")).toHaveLength(1);
  });

  it("nothing, once the act's time is over", async () => {
    const { pass, armOn } = loseAnswers(99);
    const rig = await rigWith({ pass });
    armOn(rig.host);
    const time = new AbortController();
    const permit = mintPermit({ ...rig.permit("force-off"), signal: time.signal });
    rig.host.onChange(() => time.abort());
    expect((await failure(rig.power.off(permit, "hard"))).effect).toBe("unknown");
    expect(controls(rig)).toBe(1);
  });
});

describe("refusals", () => {
  const refusing = async (code: number, times: number) => {
    let left = times;
    const power = "0/2";
    const rig = await rigWith({
      bmc: {
        refuses: ({ netFn, cmd }) => {
          if (`${netFn}/${cmd}` !== power || left === 0) return undefined;
          left -= 1;
          return code;
        },
      },
    });
    return rig;
  };

  it.each([0xc0, 0xc3, 0xd2])("asks a busy BMC again (%i)", async (code) => {
    let left = 2;
    const { power } = await rigWith({ bmc: { refuses: ({ netFn }) => (netFn === 0 && left-- > 0 ? code : undefined) } });
    expect((await power.state()).state).toBe("on");
  });

  it("gives up on a BMC that stays busy", async () => {
    const { power } = await rigWith({ bmc: { refuses: ({ netFn }) => (netFn === 0 ? 0xc0 : undefined) } });
    expect(await failure(power.state())).toMatchObject({ code: "LO_BMC_BUSY", effect: "none" });
  });

  it.each([
    [0xc0, "LO_BMC_BUSY", "none"],
    [0xc3, "LO_BMC_BUSY", "unknown"],
    [0xcc, "LO_BMC_REFUSED", "none"],
    [0xce, "LO_BMC_REFUSED", "unknown"],
    [0xff, "LO_BMC_REFUSED", "unknown"],
  ])("sends an act once when it is refused with %i: %s, effect %s", async (completion, code, effect) => {
    const rig = await refusing(completion, 1);
    expect(await failure(rig.power.off(rig.permit("force-off"), "hard"))).toMatchObject({ code, effect });
    expect(controls(rig)).toBe(0);
  });
});

describe("a bad network", () => {
  it.each([1, 2, 3])("loses a fifth of all packets, and nothing is done twice (seed %i)", async (seed) => {
    const rig = await rigWith({
      bmc: { seed, slots: 1000 },
      host: { faults: { loss: 0.1 } },
      power: { timeouts: { ...timeouts, packetMs: 40, tries: 8, setupTries: 20, onceMs: 200 } },
    });
    for (let round = 0; round < 5; round += 1) {
      expect((await rig.power.state()).state).toBe("on");
      await rig.power.off(rig.permit("force-off"), "hard");
      await settled(rig.host, "off");
      await rig.power.on(rig.permit("power-on"));
      await settled(rig.host, "on");
      await rig.power.reset(rig.permit("reset")).catch((error: DeviceError) => expect(error.effect).toBe("unknown"));
      expect(rig.host.count.reset).toBeLessThanOrEqual(round + 1);
    }
    expect(rig.host.count).toMatchObject({ off: 5, on: 5 });
  });

  it("doubles, delays, cuts and forges packets", async () => {
    let late: Buffer[] = [];
    const pass: Pass = (datagram, direction) => {
      if (direction === "to-bmc") return [datagram];
      // Only a session's packets carry a code that tells a forged one.
      const forged = Buffer.from(datagram);
      if (isInSession(datagram)) forged[20] = (forged[20] ?? 0) ^ 0x10;
      const before = late;
      late = [Buffer.from(datagram)];
      return [randomBytes(40), datagram.subarray(0, 20), ...before, forged, datagram, datagram];
    };
    const rig = await rigWith({ pass, host: { identity: { serial: "SN-9" } } });
    expect((await rig.power.identity()).serial).toBe("SN-9");
    await rig.power.off(rig.permit("force-off"), "hard");
    await settled(rig.host, "off");
    expect(controls(rig)).toBe(1);
    expect((await rig.power.eventLog()).at(-1)?.power).toBe("turned-off");
  });
});

describe("replayed answers", () => {
  it("are not believed when their message sequence comes round again", async () => {
    const recorded: Buffer[] = [];
    const pass: Pass = (datagram, direction) => {
      if (direction === "to-bmc" || !isInSession(datagram)) return [datagram];
      recorded.push(Buffer.from(datagram));
      const sameSequence = recorded.at(-65);
      return sameSequence ? [sameSequence, datagram] : [datagram];
    };
    const rig = await rigWith({ pass });
    for (let round = 0; round < 64; round += 1) expect((await rig.power.state()).state).toBe("on");
    rig.host.press("force-off", "finger");
    await settled(rig.host, "off");
    for (let round = 0; round < 64; round += 1) expect((await rig.power.state()).state).toBe("off");
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

describe("many BMCs", () => {
  it("are served over one socket", async () => {
    const clock = systemClock;
    const transport = createIpmiTransport({ clock });
    const fleet = await Promise.all(
      Array.from({ length: 200 }, async (_, index) => {
        const host = createHost({ name: `m${index}`, clock, power: index % 3 === 0 ? "off" : "on" });
        const bmc = await createIpmiBmc({ host, clock, user: "admin", password: `secret-${index}` });
        const relay = await createRelay(bmc.port, (datagram) => [datagram]);
        const power = createIpmiPower({
          machine: host.name,
          host: "127.0.0.1",
          port: relay.port,
          user: "admin",
          password: `secret-${index}`,
          expect: { uuid: host.identity.uuid },
          clock,
          transport,
        });
        return { host, bmc, relay, power };
      }),
    );
    const states = await Promise.all(fleet.map(({ power }) => power.state()));
    expect(states.map(({ state }) => state)).toEqual(fleet.map((_, index) => (index % 3 === 0 ? "off" : "on")));
    const ids = await Promise.all(fleet.map(({ power }) => power.identity()));
    expect(ids.map(({ serial }) => serial)).toEqual(fleet.map(({ host }) => host.identity.serial));
    expect(new Set(fleet.flatMap(({ relay }) => [...relay.clients])).size).toBe(1);
    await Promise.all(fleet.map(({ power }) => power.close()));
    expect(fleet.map(({ bmc }) => bmc.sessions())).toEqual(fleet.map(() => 0));
    await transport.close();
    for (const { relay, bmc } of fleet) {
      relay.close();
      await bmc.close();
    }
  });
});

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
    expect(commands.slice(commands.indexOf("0/2") - 1)).toEqual(["6/37", "0/2"]);
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

  it("boot flags with the EFI bit, once, acknowledged and kept", async () => {
    const rig = await rigWith();
    await rig.power.bootOnce(rig.permit("boot-once"), "pxe");
    const writes = rig.bmc.requests.filter(({ netFn, cmd }) => netFn === 0 && cmd === 8).map(({ data }) => data.toString("hex"));
    expect(writes).toEqual(["040101", "0308", "05a004000000"]);
    expect(rig.host.boot).toEqual({ target: "pxe", once: true, mode: "UEFI" });
    expect(await rig.power.bootOverride()).toEqual({ target: "pxe", once: true, raw: "a004000000" });
  });
});
