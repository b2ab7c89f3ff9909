import { describe, expect, it } from "vitest";
import { DeviceError, type DeviceErrorCode, LightsoutError } from "#events";
import { bearer, createRig, tokens } from "./rig.ts";

const arm = {
  machine: "r740-01",
  run: "run-1",
  state: "armed",
  boots: "abc/v1.13.9/kernel-amd64",
  expires: "2026-01-01T01:00:00.000Z",
  evidence: [{ stage: "armed", at: "2026-01-01T00:00:00.000Z", detail: "until 01:00" }],
} as const;

describe("declared configurations", () => {
  it("are shown, checked and compared", async () => {
    const { send, desk } = createRig();
    const problem = { code: "secret-missing", level: "error", path: "machine.token", message: "missing", fix: "render" } as const;
    desk.set({ problems: [problem], differences: ["machine.type: declared a, running b"] });
    expect((await send("GET", "/v1/machines/r740-01/config")).body).toEqual({
      machine: "r740-01",
      text: "machine:\n    type: worker\n    token: (hidden)\n",
    });
    expect((await send("GET", "/v1/machines/r740-01/config/diff")).body).toEqual({
      machine: "r740-01",
      differences: ["machine.type: declared a, running b"],
    });
    expect((await send("GET", "/v1/config/check")).body).toEqual({ machines: [{ machine: "r740-01", problems: [problem] }] });
  });

  it.each(["/v1/machines/r740-02/config", "/v1/machines/r740-02/config/diff", "/v1/config/check?machine=r740-02"])(
    "%s of an unknown machine is not found",
    async (path) => {
      expect(await createRig().send("GET", path)).toMatchObject({ status: 404, body: { code: "LO_UNKNOWN_MACHINE" } });
    },
  );

  it.each([
    ["LO_NOT_DECLARED", 409],
    ["LO_MACHINE_CONFIG", 409],
    ["LO_CONFIG_PATCH", 409],
    ["LO_NOT_CONFIGURED", 409],
    ["LO_TALOS_UNREACHABLE", 502],
    ["LO_TALOS_TIMEOUT", 504],
  ])("%s is answered with %i, and what to do", async (code, status) => {
    const { send, desk } = createRig();
    const about = { target: "r740-01", operation: "configuration", effect: "none" } as const;
    const details = { hint: "do this" };
    const error = code.includes("TALOS")
      ? new DeviceError(code as DeviceErrorCode, about, "no", details)
      : new LightsoutError(code, "no", details);
    desk.configs.diff = () => Promise.reject(error);
    expect(await send("GET", "/v1/machines/r740-01/config/diff")).toMatchObject({ status, body: { code, hint: "do this" } });
  });
});

describe("arms", () => {
  it("are listed with what was seen of them", async () => {
    const { send, desk } = createRig();
    expect((await send("GET", "/v1/arms")).body).toEqual({ arms: [] });
    desk.set({ arm });
    expect((await send("GET", "/v1/arms")).body).toEqual({ arms: [arm] });
  });

  it("are taken back by a person, who is named in the evidence", async () => {
    const { send, desk } = createRig({ tokens });
    desk.set({ arm });
    const { status, body } = await send("DELETE", "/v1/arms/r740-01", { reason: "wrong disk" }, bearer("operator"));
    expect([status, body.arm]).toMatchObject([200, { state: "disarmed", evidence: [{}, { detail: "operator-name: wrong disk" }] }]);
    await send("DELETE", "/v1/arms/r740-01", undefined, bearer("admin"));
    expect((await send("DELETE", "/v1/arms/r740-02", undefined, bearer("admin"))).status).toBe(404);
    expect((await send("DELETE", "/v1/arms/r740-01", { why: "x" }, bearer("admin"))).status).toBe(422);
  });

  it("of a machine that never had one are nothing", async () => {
    expect((await createRig().send("DELETE", "/v1/arms/r740-01")).body).toEqual({ arm: null });
  });
});

it("the dnsmasq configuration and the kept snapshots are served", async () => {
  const { send } = createRig();
  expect((await send("GET", "/v1/dnsmasq")).body).toEqual({ text: "port=0\ninterface=eth0\n" });
  expect((await send("GET", "/v1/snapshots")).body).toMatchObject({ snapshots: [{ name: "lab-1.db", bytes: 4096 }] });
});
