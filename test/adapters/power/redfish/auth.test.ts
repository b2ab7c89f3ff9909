import { afterEach, beforeEach, expect, test } from "vitest";
import type { BmcRequest } from "#test/lab/redfish-service.ts";
import { createRig, type Rig, rejection, verdict } from "./rig.ts";

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const isLogin = ({ method, path }: BmcRequest) => method === "POST" && path.endsWith("/Sessions");
const logins = () => rig.bmc.requests.filter(isLogin).length;

test("one session serves reads and acts, and is ended on close", async () => {
  const power = rig.power();
  await power.state();
  await power.state();
  await power.off(rig.permit("force-off"), "hard");
  expect(logins()).toBe(1);
  expect(rig.bmc.sessions()).toBe(1);
  await power.close();
  expect(rig.bmc.sessions()).toBe(0);
});

test.each([404, 405])("%i for sessions: Basic is used", async (status) => {
  rig.bmc.intercept = (request) => (isLogin(request) ? { status } : undefined);
  expect((await rig.power().state()).state).toBe("on");
  expect(logins()).toBe(1);
});

test("a service that names no sessions is asked with Basic", async () => {
  const root = { Systems: { "@odata.id": "/redfish/v1/Systems" } };
  rig.bmc.intercept = ({ method, path }) => (method === "GET" && path === "/redfish/v1/" ? { status: 200, body: root } : undefined);
  expect((await rig.power().state()).state).toBe("on");
  expect(logins()).toBe(0);
});

test("a full session table (RAC0218) falls back to Basic without another login", async () => {
  const others = Array.from({ length: 8 }, () => rig.power());
  for (const other of others) await other.state();
  const before = logins();
  const power = rig.power();
  expect((await power.state()).state).toBe("on");
  await power.state();
  expect(logins() - before).toBe(1);
  expect(rig.bmc.requests.at(-1)?.headers.authorization).toMatch(/^Basic /);
});

test("after a session has worked nothing is ever sent with Basic", async () => {
  const power = rig.power();
  await power.state();
  rig.bmc.expireSessions();
  rig.bmc.intercept = (request) => (isLogin(request) ? { status: 404 } : undefined);
  expect(await verdict(power.state())).toBe("LO_BMC_REFUSED, none");
  expect(rig.bmc.requests.filter(({ headers }) => headers.authorization !== undefined)).toEqual([]);
});

test("auth session does not fall back", async () => {
  rig.bmc.intercept = (request) => (isLogin(request) ? { status: 404 } : undefined);
  expect(await verdict(rig.power({ auth: "session" }).state())).toBe("LO_BMC_REFUSED, none");
});

test("auth basic never opens a session", async () => {
  expect((await rig.power({ auth: "basic" }).state()).state).toBe("on");
  expect(logins()).toBe(0);
});

test.each(["auto", "basic"] as const)("one rejected login stops all further ones (%s)", async (auth) => {
  const power = rig.power({ auth, password: "wrong-password" });
  expect(await verdict(power.state())).toBe("LO_BMC_AUTH, none");
  rig.asked();
  expect(await verdict(power.state())).toBe("LO_BMC_LOCKED, none");
  expect(await verdict(power.off(rig.permit("force-off"), "hard"))).toBe("LO_BMC_LOCKED, none");
  expect(rig.asked()).toEqual([]);
});

test("a read logs in again once after the session ended", async () => {
  const power = rig.power();
  await power.state();
  rig.bmc.expireSessions();
  expect((await power.state()).state).toBe("on");
  expect(logins()).toBe(2);
});

test("a token that is never honoured is not asked for in a circle", async () => {
  rig.bmc.intercept = ({ method, path }) => (method === "GET" && path !== "/redfish/v1/" ? { status: 401 } : undefined);
  expect(await verdict(rig.power().state())).toBe("LO_BMC_AUTH, none");
  expect(logins()).toBe(2);
});

test("an act whose session ends before its write is not logged in again: no effect, one request", async () => {
  const power = rig.power();
  await power.state();
  rig.asked();
  const permit = rig.permit("force-off", { gate: () => rig.bmc.expireSessions() });
  expect(await verdict(power.off(permit, "hard"))).toBe("LO_BMC_AUTH, none");
  const asked = rig.asked();
  expect(asked.filter((line) => line.startsWith("POST"))).toEqual([
    "POST /redfish/v1/Systems/System.Embedded.1/Actions/ComputerSystem.Reset",
  ]);
  expect((await power.off(rig.permit("force-off"), "hard")).did).toBe("sent");
});

test("a password that was changed is tried once more and then never again", async () => {
  const power = rig.power();
  await power.state();
  rig.bmc.changePassword("something-else");
  expect(await verdict(power.state())).toBe("LO_BMC_AUTH, none");
  expect(await verdict(power.state())).toBe("LO_BMC_LOCKED, none");
  expect(logins()).toBe(2);
});

test("a factory password is named as what it is", async () => {
  const body = { error: { "@Message.ExtendedInfo": { MessageId: "Base.1.8.PasswordChangeRequired", Message: "Change it" } } };
  rig.bmc.intercept = (request) => (isLogin(request) ? { status: 403, body } : undefined);
  expect(await rejection(rig.power().state())).toMatchObject({ code: "LO_BMC_AUTH", hint: expect.stringContaining("factory password") });
});

test("the password is in no error, even where the BMC echoes it", async () => {
  const power = rig.power();
  await power.state();
  rig.bmc.intercept = ({ path }) =>
    path.includes("Reset") ? { status: 400, body: { error: { code: "X.1.Y", message: "calvin-and-hobbes is not good" } } } : undefined;
  const error = await rejection(power.off(rig.permit("force-off"), "hard"));
  expect(error).toMatchObject({ message: expect.stringContaining("*** is not good") });
  expect(JSON.stringify([error, (error as Error).stack, String((error as Error).cause)])).not.toContain("calvin");
});
