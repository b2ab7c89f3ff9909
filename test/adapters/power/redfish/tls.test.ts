import { afterEach, expect, test } from "vitest";
import { explain } from "#events";
import { createRig, type Rig, rejection, verdict } from "./rig.ts";

let rig: Rig;
afterEach(() => rig.close());

const memoryPins = () => {
  const kept = new Map<string, string>();
  return { kept, get: (machine: string) => kept.get(machine), set: (machine: string, pin: string) => void kept.set(machine, pin) };
};

test("a pinned fingerprint is accepted in any spelling, on every connection", async () => {
  rig = await createRig();
  const power = rig.power({ tls: { pin: rig.bmc.fingerprint().toLowerCase().replaceAll(":", "") } });
  await power.state();
  expect((await power.on(rig.permit("power-on"))).did).toBe("already");
  expect(rig.bmc.connections()).toBe(2);
});

test("a pinned fingerprint is seen again after the BMC closed the connection", async () => {
  rig = await createRig();
  rig.bmc.intercept = () => "then-close";
  const power = rig.power();
  await power.state();
  const before = rig.bmc.connections();
  await power.state();
  expect(rig.bmc.connections()).toBe(before + 1);
});

test("a certificate other than the pinned one is refused before any request", async () => {
  rig = await createRig();
  const power = rig.power({ tls: { pin: "00".repeat(32) } });
  expect(await verdict(power.state())).toBe("LO_BMC_CERTIFICATE, none");
  expect(await verdict(power.off(rig.permit("force-off"), "hard"))).toBe("LO_BMC_CERTIFICATE, none");
  expect(rig.bmc.requests).toEqual([]);
});

test("a certificate is trusted on first use, and a changed one is refused with nothing sent", async () => {
  rig = await createRig();
  const pins = memoryPins();
  const power = rig.power({ tls: { pins } });
  await power.state();
  expect(pins.kept.get("w1")).toBe(rig.bmc.fingerprint().replaceAll(":", "").toLowerCase());
  rig.bmc.changeCertificate();
  rig.asked();
  const error = await rejection(power.off(rig.permit("force-off"), "hard"));
  expect(explain(error)).toContain("certificate changed");
  expect(await verdict(power.state())).toBe("LO_BMC_CERTIFICATE, none");
  expect(rig.asked()).toEqual([]);
  expect(pins.kept.get("w1")).not.toBe(rig.bmc.fingerprint().replaceAll(":", "").toLowerCase());
});

test("a first fingerprint that cannot be kept lets no password out", async () => {
  rig = await createRig();
  const pins = {
    get: () => undefined,
    set: () => {
      throw new Error("disk full");
    },
  };
  expect(await rejection(rig.power({ tls: { pins } }).state())).toMatchObject({ effect: "none" });
  expect(rig.bmc.requests).toEqual([]);
});

test("a certificate is verified by its CA, and refused by another", async () => {
  rig = await createRig();
  const ca = rig.bmc.ca();
  expect((await rig.power({ tls: { ca } }).state()).state).toBe("on");
  rig.bmc.changeCertificate();
  rig.asked();
  expect(await verdict(rig.power({ tls: { ca } }).state())).toBe("LO_BMC_CERTIFICATE, none");
  expect(rig.asked()).toEqual([]);
});

test("TLS 1.1 is spoken only where the machine asks for it", async () => {
  rig = await createRig("dell", { tls: { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT@SECLEVEL=0" } });
  const pin = rig.bmc.fingerprint();
  expect(explain(await rejection(rig.power({ tls: { pin } }).state()))).toContain("tls.legacy");
  expect((await rig.power({ tls: { pin, legacy: true } }).state()).state).toBe("on");
});

test("no TLS is spoken only where it is called plain", async () => {
  rig = await createRig("dell", { tls: "plain" });
  expect((await rig.power({ tls: { plain: true } }).state()).state).toBe("on");
  expect(await verdict(rig.power().state())).toBe("LO_BMC_UNREACHABLE, none");
});
