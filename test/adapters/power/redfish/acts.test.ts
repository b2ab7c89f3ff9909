import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { effectOf, explain, GateClosedError, UnsupportedError } from "#events";
import type { Interception } from "#test/lab/redfish-bmc.ts";
import type { BmcRequest } from "#test/lab/redfish-service.ts";
import { createRig, type Rig, rejection, verdict } from "./rig.ts";

let rig: Rig;
afterEach(() => rig.close());

const isReset = ({ method, path }: BmcRequest) => method === "POST" && path.includes("ComputerSystem.Reset");
const resets = () => rig.bmc.requests.filter(isReset).map(({ body }) => (body as { ResetType?: string }).ResetType);
const onReset = (instead: Interception) => {
  rig.bmc.intercept = (request) => (isReset(request) ? instead : undefined);
};
const closed = () => {
  throw new GateClosedError("w1", "force-off", "too late");
};

describe("one write", () => {
  beforeEach(async () => {
    rig = await createRig();
  });

  test("identity and state are read last before it, on the act's own connection", async () => {
    const power = rig.power();
    await power.state();
    const before = rig.bmc.connections();
    rig.asked();
    await power.off(rig.permit("force-off"), "hard");
    expect(rig.asked()).toEqual([
      "GET /redfish/v1/Systems/System.Embedded.1",
      "POST /redfish/v1/Systems/System.Embedded.1/Actions/ComputerSystem.Reset",
    ]);
    expect(rig.bmc.connections()).toBe(before + 1);
  });

  test("the gate is asked again on a connection that had to be opened for the write", async () => {
    rig.bmc.intercept = ({ method, path }) => (method === "GET" && path.endsWith("System.Embedded.1") ? "then-close" : undefined);
    const power = rig.power();
    await power.capabilities();
    const gates: number[] = [];
    const gate = () => {
      gates.push(rig.bmc.connections());
      if (gates.length === 2) closed();
    };
    const before = rig.bmc.connections();
    expect(await verdict(power.off(rig.permit("force-off", { gate }), "hard"))).toBe("LO_GATE_CLOSED, none");
    expect(gates).toHaveLength(2);
    await vi.waitFor(() => expect(rig.bmc.connections()).toBe(before + 2), { timeout: 10_000 });
    expect(resets()).toEqual([]);
  });

  test("an answer lost on a connection that had to be opened for the write is an unknown effect", async () => {
    rig.bmc.intercept = (request) => {
      if (isReset(request)) return "then-drop";
      return request.path.endsWith("System.Embedded.1") ? "then-close" : undefined;
    };
    expect(await verdict(rig.power().off(rig.permit("force-off"), "hard"))).toBe("LO_BMC_UNREACHABLE, unknown");
    expect(resets()).toEqual(["ForceOff"]);
  });

  test("a connection that had to be opened for the write and failed is no effect", async () => {
    rig.bmc.intercept = ({ path }) => (path.endsWith("System.Embedded.1") ? "then-close" : undefined);
    const gate = () => {
      rig.host.faults.bmcDead = true;
    };
    expect(await verdict(rig.power().off(rig.permit("force-off", { gate }), "hard"))).toBe("LO_BMC_UNREACHABLE, none");
  });

  test.each(["drop", "then-drop", "then-hang", "hang"] as const)(
    "is sent once and has an unknown effect when the BMC does this: %s",
    async (what) => {
      onReset(what);
      const power = rig.power({ timeouts: { requestMs: 1000 } });
      expect(await verdict(power.off(rig.permit("force-off"), "hard"))).toMatch(/LO_BMC_(UNREACHABLE|TIMEOUT), unknown/);
      expect(resets()).toEqual(["ForceOff"]);
      expect(rig.host.power() === "on").toBe(!what.startsWith("then"));
    },
  );

  test("stops with an unknown effect at the act's hard timeout", async () => {
    const stop = new AbortController();
    rig.bmc.intercept = (request) => {
      if (!isReset(request)) return undefined;
      stop.abort();
      return "then-hang";
    };
    const work = rig.power().off(rig.permit("force-off", { signal: stop.signal }), "hard");
    expect(await verdict(work)).toBe("LO_BMC_TIMEOUT, unknown");
    expect(resets()).toEqual(["ForceOff"]);
  });

  test.each([
    [500, "LO_BMC_REFUSED, unknown"],
    [502, "LO_BMC_REFUSED, unknown"],
    [503, "LO_BMC_BUSY, unknown"],
    [400, "LO_BMC_REFUSED, none"],
    [401, "LO_BMC_AUTH, none"],
    [403, "LO_BMC_REFUSED, none"],
    [404, "LO_BMC_REFUSED, none"],
    [409, "LO_BMC_REFUSED, none"],
    [429, "LO_BMC_BUSY, none"],
  ])("answered %i is %s, and never repeated", async (status, expected) => {
    onReset({ status, headers: { "Retry-After": "1" } });
    expect(await verdict(rig.power().off(rig.permit("force-off"), "hard"))).toBe(expected);
    expect(resets()).toEqual(["ForceOff"]);
  });

  test.each([301, 302, 307, 308])("answered %i is not sent on", async (status) => {
    onReset({ status, headers: { Location: "/redfish/v1/elsewhere" } });
    const error = await rejection(rig.power().off(rig.permit("force-off"), "hard"));
    expect(error).toMatchObject({ code: "LO_BMC_REFUSED", effect: "none" });
    expect(explain(error)).toContain(`answered ${status} to /redfish/v1/elsewhere`);
    expect(resets()).toEqual(["ForceOff"]);
    expect(rig.asked()).not.toContain("POST /redfish/v1/elsewhere");
  });

  test.each(["ActionParameterValueConflict", "ResetInProgress", "UnableToModifyDuringSystemPOST"])("%s passes by itself", async (key) => {
    onReset({ status: 400, body: { error: { "@Message.ExtendedInfo": [{ MessageId: `Base.1.0.${key}` }] } } });
    expect(await verdict(rig.power().off(rig.permit("force-off"), "hard"))).toBe("LO_BMC_BUSY, none");
  });

  test("accepted with a body that is no JSON is accepted", async () => {
    onReset({ status: 200, body: "<html>ok" });
    expect(await rig.power().off(rig.permit("force-off"), "hard")).toEqual({ did: "sent", answer: "200" });
  });

  test("a BMC that breaks every connection used twice is sent one write, on a connection of its own", async () => {
    let last = -1;
    rig.bmc.intercept = () => {
      const again = rig.bmc.connections() === last;
      last = rig.bmc.connections();
      return again ? "drop" : undefined;
    };
    expect((await rig.power().off(rig.permit("force-off"), "hard")).did).toBe("sent");
    expect(resets()).toEqual(["ForceOff"]);
  });

  test("a refused connection has no effect", async () => {
    const power = rig.power();
    await power.state();
    await rig.bmc.close();
    expect(await verdict(power.off(rig.permit("force-off"), "hard"))).toBe("LO_BMC_UNREACHABLE, none");
  });

  test("a closed gate sends nothing", async () => {
    expect(await verdict(rig.power().off(rig.permit("force-off", { gate: closed }), "hard"))).toBe("LO_GATE_CLOSED, none");
    expect(resets()).toEqual([]);
  });

  test("another machine's answer right before the write stops it", async () => {
    const power = rig.power();
    await power.state();
    rig.host.faults.reports = { uuid: "7d0e1a52-93c4-4b1f-8a6e-0c2f5d917b34" };
    const error = await rejection(power.off(rig.permit("force-off"), "hard"));
    expect(explain(error)).toContain("7d0e1a52-93c4-4b1f-8a6e-0c2f5d917b34, expected");
    expect(resets()).toEqual([]);
  });

  test("a uuid in the byte order of SMBIOS is the same uuid", async () => {
    rig.host.faults.reports = { uuid: "44434241-4645-4847-494a-4b4c4d4e4f50" };
    const power = rig.power({ expect: { uuid: "41424344-4546-4748-494A-4B4C4D4E4F50" } });
    expect((await power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
  });
});

test("on a lossy network a reset happens once where it was sent, never where it had no effect, and never twice", async () => {
  const outcomes = { sent: 0, none: 0, unknown: 0 };
  for (let seed = 1; seed <= 60; seed += 1) {
    rig = await createRig("dell", { seed });
    const power = rig.power();
    await power.capabilities();
    rig.host.faults.loss = 0.35;
    const outcome = await power.reset(rig.permit("reset")).then(
      ({ did }) => did,
      (error: unknown) => effectOf(error),
    );
    if (outcome === "already") throw new Error("a reset is never already done");
    outcomes[outcome] += 1;
    const { reset } = rig.host.count;
    if (outcome === "sent") expect(reset, `seed ${seed}`).toBe(1);
    if (outcome === "none") expect(reset, `seed ${seed}`).toBe(0);
    expect(reset, `seed ${seed}`).toBeLessThanOrEqual(1);
    rig.host.faults.loss = 0;
    await rig.close();
  }
  expect(Math.min(...Object.values(outcomes))).toBeGreaterThan(0);
});

describe("which type is pressed", () => {
  test.each([
    ["dell", "On", "ForceRestart"],
    ["hpe", "On", "GracefulRestart"],
    ["supermicro", "On", "ForceRestart"],
    ["openbmc", "On", "ForceRestart"],
  ] as const)("%s: on is %s, reset is %s", async (personality, on, reset) => {
    rig = await createRig(personality);
    const power = rig.power();
    await power.reset(rig.permit("reset"));
    await power.off(rig.permit("force-off"), "hard");
    await vi.waitFor(() => expect(rig.host.power()).toBe("off"), { timeout: 10_000 });
    await power.on(rig.permit("power-on"));
    expect(resets()).toEqual([reset, "ForceOff", on]);
  });

  const offering = async (...types: string[]) => {
    rig = await createRig("openbmc", { power: "off" });
    rig.bmc.intercept = ({ path }) =>
      path.endsWith("ResetActionInfo") ? { status: 200, body: { Parameters: [{ Name: "ResetType", AllowableValues: types }] } } : undefined;
    return rig.power();
  };

  test("ForceOn where there is no On", async () => {
    await (await offering("ForceOn", "PushPowerButton")).on(rig.permit("power-on"));
    expect(resets()).toEqual(["ForceOn"]);
  });

  test("the power button is never pushed: it toggles", async () => {
    const power = await offering("PushPowerButton");
    expect(await rejection(power.on(rig.permit("power-on")))).toBeInstanceOf(UnsupportedError);
    expect([...(await power.capabilities())]).not.toContain("on");
    expect(resets()).toEqual([]);
  });

  test("values that firmware ran together are taken apart", async () => {
    rig = await createRig("openbmc");
    const body = { Parameters: [{ Name: "ResetType", AllowableValues: ["On", "GracefulShutdownGracefulRestart", "OnDemand"] }] };
    rig.bmc.intercept = ({ path }) => (path.endsWith("ResetActionInfo") ? { status: 200, body } : undefined);
    const can = await rig.power().capabilities();
    expect(can.has("graceful-off")).toBe(true);
    expect(can.has("off")).toBe(false);
  });

  test("an ActionInfo that cannot be read leaves the safe types", async () => {
    rig = await createRig("openbmc");
    rig.bmc.intercept = ({ path }) => (path.endsWith("ResetActionInfo") ? { status: 404 } : undefined);
    await rig.power().off(rig.permit("force-off"), "hard");
    expect(resets()).toEqual(["ForceOff"]);
  });
});

describe("already there", () => {
  test.each([
    ["dell", "409"],
    ["hpe", "400"],
  ] as const)("%s refuses with %s: read back, it is already", async (personality, status) => {
    rig = await createRig(personality, { power: "off" });
    const permit = rig.permit("power-on", { gate: () => void rig.host.press("on", "finger") });
    const receipt = await rig.power().on(permit);
    expect(receipt.did).toBe("already");
    expect(receipt.answer).toContain(status);
    expect(rig.host.count.on).toBe(1);
  });

  test("on while it is still going off is refused, and neither on nor already", async () => {
    rig = await createRig("dell");
    rig.host.faults.slowOffMs = 600_000;
    const power = rig.power();
    await power.off(rig.permit("force-off"), "hard");
    expect(await verdict(power.on(rig.permit("power-on")))).toBe("LO_BMC_REFUSED, none");
    expect(rig.host.count.on).toBe(0);
  });

  test("a reset of a machine that is off is refused before anything is sent", async () => {
    rig = await createRig("dell", { power: "off" });
    expect(await verdict(rig.power().reset(rig.permit("reset")))).toBe("LO_BMC_REFUSED, none");
    expect(resets()).toEqual([]);
  });
});

describe("tasks", () => {
  const task = (last: Interception, polls = 1) => {
    let left = polls;
    rig.bmc.intercept = ({ path }) => (path.includes("TaskMonitors") && left-- <= 0 ? last : undefined);
  };

  test("an accepted task is followed to its end", async () => {
    rig = await createRig("ami");
    expect(await rig.power().off(rig.permit("force-off"), "hard")).toEqual({ did: "sent", answer: "202; task Completed" });
    expect(rig.asked().filter((line) => line.includes("TaskMonitors"))).toHaveLength(2);
  });

  test("a task that failed may have had an effect", async () => {
    rig = await createRig("ami");
    task({ status: 200, body: { TaskState: "Exception" } });
    expect(await verdict(rig.power().off(rig.permit("force-off"), "hard"))).toBe("LO_BMC_REFUSED, unknown");
  });

  test("a task that cannot be followed is still an accepted request", async () => {
    rig = await createRig("ami");
    task({ status: 404 });
    expect(await rig.power().off(rig.permit("force-off"), "hard")).toMatchObject({
      did: "sent",
      answer: expect.stringContaining("could not be followed"),
    });
    expect(resets()).toEqual(["ForceOff"]);
  });

  test("following ends with the act's time", async () => {
    rig = await createRig("ami");
    const stop = new AbortController();
    rig.bmc.intercept = ({ path }) => {
      if (path.includes("TaskMonitors")) stop.abort();
      return path.includes("TaskMonitors") ? { status: 202, headers: { "Retry-After": "9" } } : undefined;
    };
    const permit = rig.permit("force-off", { signal: stop.signal });
    expect((await rig.power().off(permit, "hard")).did).toBe("sent");
  });
});
