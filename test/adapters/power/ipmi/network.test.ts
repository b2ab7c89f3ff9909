import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createIpmiPower, createIpmiTransport } from "#adapters/power/ipmi/mod.ts";
import type { DeviceError } from "#events";
import { steadyClock } from "#events/testing/mod.ts";
import { createHost } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { createRelay, isInSession, type Pass } from "./relay.ts";
import { controls, rigsPerTest, settled, timeouts } from "./rig.ts";

const rigWith = rigsPerTest();

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

describe("many BMCs", () => {
  it("are served over one socket", async () => {
    const clock = steadyClock(1);
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
