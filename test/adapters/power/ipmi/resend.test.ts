import { describe, expect, it, vi } from "vitest";
import { GateClosedError } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import type { Host } from "#test/lab/host.ts";
import { isInSession, type Pass } from "./relay.ts";
import { controls, failure, type Rig, rigsPerTest, settled } from "./rig.ts";

const rigWith = rigsPerTest();

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
    expect(rig.commands()).not.toContain("6/3c");
    expect(rig.bmc.sessions()).toBe(1);
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

describe("a copy that the network kept", () => {
  it("finds its session closed, and switches nothing when it comes at last", async () => {
    const kept: Buffer[] = [];
    let late: Buffer[] = [];
    const rig = await rigWith({
      pass: (datagram, direction) => {
        if (direction === "to-client" || !isInSession(datagram)) return [datagram];
        kept.push(datagram);
        return [datagram, ...late.splice(0)];
      },
    });
    await rig.power.off(rig.permit("force-off"), "hard");
    await settled(rig.host, "off");
    await rig.power.on(rig.permit("power-on"));
    await settled(rig.host, "on");
    late = [...kept];
    const before = controls(rig);
    expect((await rig.power.state()).state).toBe("on");
    expect(late).toEqual([]);
    expect(controls(rig)).toBe(before);
    expect(rig.host.count).toEqual({ off: 1, on: 1, reset: 0 });
  });

  it("the session is closed also where the confirmation of that is lost", async () => {
    let losing = 0;
    const rig = await rigWith({
      pass: (datagram, direction) => {
        if (direction === "to-client" && losing > 0) {
          losing -= 1;
          return [];
        }
        return [datagram];
      },
    });
    const off = rig.power.off(rig.permit("force-off"), "hard");
    await settled(rig.host, "off");
    losing = 1;
    await off;
    expect(rig.bmc.sessions()).toBe(0);
  });
});
