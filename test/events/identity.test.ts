import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isPlaceholderSerial, isPlaceholderUuid, normaliseUuid, sameSerial, sameUuid, uuidByteOrders } from "#events";

const real = "4c4c4544-0043-3010-8052-b4c04f564231";

describe("uuid", () => {
  it("is the same in every byte order that firmware prints", () => {
    const smbios = "44454c4c-4300-1030-8052-b4c04f564231";
    const ipmi = "3142564f-c0b4-5280-1030-430044454c4c";
    const both = "3142564f-c0b4-5280-3010-00434c4c4544";
    for (const other of [real.toUpperCase(), `{${real}}`, real.replaceAll("-", ""), smbios, ipmi, both]) {
      expect(sameUuid(real, other), other).toBe(true);
      expect(sameUuid(other, real), other).toBe(true);
    }
  });

  it("is read as ipmitool printed a simulator's raw bytes", () => {
    expect(sameUuid("a1234567-89ab-cdef-a123-456789abcdef", "efcdab89-6745-23a1-efcd-ab89674523a1")).toBe(true);
  });

  it("is another one when a single digit differs", () => {
    expect(sameUuid(real, "4c4c4544-0043-3010-8052-b4c04f564232")).toBe(false);
    expect(sameUuid(real, "")).toBe(false);
  });

  it.each([
    "00000000-0000-0000-0000-000000000000",
    "FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF",
    "00020003-0004-0005-0006-000700080009",
    "03000200-0400-0500-0006-000700080009",
    "03020100-0504-0706-0809-0A0B0C0D0E0F",
    "12345678-1234-5678-90AB-CDDEEFAABBCC",
    "78563412-3412-7856-90AB-CDDEEFAABBCC",
    "Not Settable",
    "Not Present",
    "",
  ])("%s identifies no machine, not even itself", (uuid) => {
    expect(isPlaceholderUuid(uuid)).toBe(true);
    expect(sameUuid(uuid, uuid)).toBe(false);
  });

  it("of a Dell, an HP and a virtual machine are real", () => {
    for (const uuid of [real, "31393736-3935-5a43-3336-313530584e4c", "9b0c1c5e-5d0f-4a6e-8c93-0d0a5d7c2f11"]) {
      expect(isPlaceholderUuid(uuid), uuid).toBe(false);
    }
  });

  it("agrees with itself in every order, both ways round, for any bytes", () => {
    fc.assert(
      fc.property(fc.uuid(), fc.uuid(), (a, b) => {
        fc.pre(!isPlaceholderUuid(a));
        for (const order of uuidByteOrders(a)) expect(sameUuid(order, a) && sameUuid(a, order)).toBe(true);
        expect(sameUuid(a, b)).toBe(sameUuid(b, a));
      }),
    );
  });

  it("is judged without a crash for any text", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        if (normaliseUuid(text) === undefined) expect(isPlaceholderUuid(text)).toBe(true);
        expect(sameUuid(text, real)).toBe(normaliseUuid(text) === real);
      }),
    );
  });
});

describe("serial", () => {
  it.each([
    "",
    "  ",
    "To be filled by O.E.M.",
    "Default string",
    "0123456789",
    "None",
    "N/A",
    "0000000",
    "XXXXXXXX",
    "System Serial Number",
  ])("%j identifies no machine", (serial) => {
    expect(isPlaceholderSerial(serial)).toBe(true);
    expect(sameSerial(serial, serial)).toBe(false);
  });

  it("is compared without regard to case and outer space", () => {
    expect(sameSerial("CZC8257XNL", " czc8257xnl ")).toBe(true);
    expect(sameSerial("CZC8257XNL", "CZC8257XNM")).toBe(false);
  });
});
