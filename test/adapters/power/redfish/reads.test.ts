import { afterEach, beforeEach, expect, test } from "vitest";
import { createRig, type Rig, rejection, verdict } from "./rig.ts";

let rig: Rig;
const system = "/redfish/v1/Systems/System.Embedded.1";
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

/** Answers the system's first reads this way, then truly. */
const first = (times: number, instead: Parameters<typeof answerWith>[0]) => {
  let left = times;
  rig.bmc.intercept = ({ method, path }) => (method === "GET" && path === system && left-- > 0 ? answerWith(instead) : undefined);
};
const answerWith = (instead: NonNullable<ReturnType<NonNullable<Rig["bmc"]["intercept"]>>>) => instead;

test.each([
  ["On", "on"],
  ["Off", "off"],
  ["PoweringOn", "unknown"],
  ["PoweringOff", "unknown"],
  ["Paused", "unknown"],
  ["Reset", "unknown"],
  ["Unknown", "unknown"],
  ["on", "unknown"],
  [null, "unknown"],
  [7, "unknown"],
  [{}, "unknown"],
])("PowerState %j is %s", async (PowerState, state) => {
  const power = rig.power();
  await power.capabilities();
  first(1, { status: 200, body: { PowerState } });
  expect(await power.state()).toMatchObject({ state });
});

test("a connection that breaks off is tried once more, with a connection of its own", async () => {
  const power = rig.power();
  await power.capabilities();
  first(1, "drop");
  expect((await power.state()).state).toBe("on");
  first(2, "drop");
  expect(await verdict(power.state())).toBe("LO_BMC_UNREACHABLE, none");
});

test("a BMC that accepts and never answers is left at the time limit", async () => {
  const power = rig.power({ timeouts: { requestMs: 1000 } });
  first(1, "hang");
  expect(await verdict(power.state())).toBe("LO_BMC_TIMEOUT, none");
  expect((await power.state()).state).toBe("on");
});

test("a read stops at its signal", async () => {
  const power = rig.power();
  await power.state();
  const stop = new AbortController();
  rig.bmc.intercept = () => {
    stop.abort();
    return "hang";
  };
  expect(await verdict(power.state(stop.signal))).toBe("LO_BMC_TIMEOUT, none");
});

test("503 with Retry-After is waited for, three times at most", async () => {
  const power = rig.power();
  first(3, { status: 503, headers: { "Retry-After": "1" } });
  expect((await power.state()).state).toBe("on");
  first(4, { status: 503, headers: { "Retry-After": "1" } });
  expect(await verdict(power.state())).toBe("LO_BMC_BUSY, none");
});

test("503 without Retry-After is not waited for", async () => {
  const power = rig.power();
  await power.capabilities();
  rig.asked();
  first(1, { status: 503 });
  expect(await verdict(power.state())).toBe("LO_BMC_BUSY, none");
  expect(rig.asked()).toEqual([`GET ${system}`]);
});

test.each([() => `${system}/`, () => `https://127.0.0.1:${rig.bmc.port}${system}`])(
  "a redirect on the same origin is followed, with the session",
  async (location) => {
    first(1, { status: 308, headers: { Location: location() } });
    expect((await rig.power().state()).state).toBe("on");
  },
);

test.each(["https://evil.example/redfish/v1", "//evil.example/", "http://127.0.0.1:1/", ""])(
  "a redirect to %j is refused, and nothing goes there",
  async (Location) => {
    const power = rig.power();
    await power.capabilities();
    first(1, { status: 302, headers: { Location } });
    const error = await rejection(power.state());
    expect(error).toMatchObject({ code: "LO_BMC_PROTOCOL", effect: "none", message: expect.stringContaining("redirects to") });
  },
);

test("redirects in a circle end", async () => {
  first(99, { status: 302, headers: { Location: system } });
  expect(await verdict(rig.power().state())).toBe("LO_BMC_REFUSED, none");
});

test("links that name another host are read from this BMC", async () => {
  const body = { Members: [{ "@odata.id": `https://bmc.internal.example${system}` }] };
  rig.bmc.intercept = ({ path }) => (path === "/redfish/v1/Systems" ? { status: 200, body } : undefined);
  expect((await rig.power().state()).state).toBe("on");
});

test.each([
  ["no JSON", "<html>Login</html>"],
  ["a list", []],
  ["nothing", ""],
  ["a text", '"On"'],
])("%s is told as no Redfish", async (_, body) => {
  const power = rig.power();
  await power.capabilities();
  first(1, { status: 200, body });
  expect(await verdict(power.state())).toBe("LO_BMC_PROTOCOL, none");
});

test("an answer without end is cut off", async () => {
  first(1, { status: 200, body: { PowerState: "On", filler: "x".repeat(9 * 1024 * 1024) } });
  expect(await verdict(rig.power().state())).toBe("LO_BMC_PROTOCOL, none");
});

test("a system that moved is found again", async () => {
  const power = rig.power();
  await power.state();
  first(1, { status: 404 });
  expect(await verdict(power.state())).toBe("LO_BMC_REFUSED, none");
  rig.asked();
  expect((await power.state()).state).toBe("on");
  expect(rig.asked()).toContain("GET /redfish/v1/Systems");
});

test("reads survive a lossy network", async () => {
  const power = rig.power();
  rig.host.faults.loss = 0.2;
  const states: string[] = [];
  for (let read = 0; read < 40; read += 1) {
    await power.state().then(
      ({ state }) => states.push(state),
      (error: unknown) => expect(error).toMatchObject({ code: "LO_BMC_UNREACHABLE", effect: "none" }),
    );
  }
  expect(states).not.toContain("off");
  expect(states).not.toContain("unknown");
  expect(states.filter((state) => state === "on").length).toBeGreaterThan(20);
});
