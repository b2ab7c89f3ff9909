import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { type CipherSuite, deriveKeys, seal, secretKey, suites, unseal } from "#adapters/power/ipmi/algorithms.ts";
import { decodeRequest, encodeRequest } from "#adapters/power/ipmi/message.ts";
import { decodePacket } from "#adapters/power/ipmi/packet.ts";
import { type Exchange, rakp2Code, rakp3Code, rakp4Code, sessionIntegrityKey } from "#adapters/power/ipmi/rakp.ts";
import vectors from "./vectors.json" with { type: "json" };

const bytes = (text: string) => Buffer.from(text, "hex");

// Recorded between programs that are not ours (ipmitool, FreeIPMI, ipmi_sim, pyghmi).
describe.each(vectors.map((vector) => [`suite ${vector.suite}, ${vector.rm}`, vector] as const))("golden vector %s", (_, vector) => {
  const suite = suites[vector.suite as CipherSuite];
  const exchange: Exchange = {
    suite,
    consoleId: bytes(vector.csid).readUInt32LE(),
    bmcId: bytes(vector.bsid).readUInt32LE(),
    consoleRandom: bytes(vector.rm),
    bmcRandom: bytes(vector.rc),
    guid: bytes(vector.guid),
    role: vector.role,
    user: bytes(vector.user),
  };
  const password = secretKey(bytes(vector.k));
  const sik = sessionIntegrityKey(exchange, password);
  const keys = deriveKeys(suite, sik);

  it("derives the session's keys", () => {
    expect(sik.toString("hex")).toBe(vector.sik);
    expect(keys.integrity.export().toString("hex")).toBe(vector.k1);
    expect(keys.confidentiality.export().toString("hex")).toBe(vector.k2.slice(0, 32));
  });

  it("agrees with the formulas of the specification, written out", () => {
    const hmac = (key: Buffer, ...parts: Buffer[]) => createHmac(suite.hash, key).update(Buffer.concat(parts)).digest();
    const user = Buffer.concat([Buffer.from([vector.role, bytes(vector.user).length]), bytes(vector.user)]);
    const [rm, rc, sidm, sidc, guid, k] = [vector.rm, vector.rc, vector.csid, vector.bsid, vector.guid, vector.k].map(bytes) as [
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
      Buffer,
    ];
    expect(rakp2Code(exchange, password)).toEqual(hmac(k, sidm, sidc, rm, rc, guid, user));
    expect(rakp3Code(exchange, password)).toEqual(hmac(k, rc, sidm, user));
    expect(rakp4Code(exchange, keys.sik)).toEqual(hmac(bytes(vector.sik), rm, sidc, guid).subarray(0, suite.codeLength));
  });

  if (vector.rakp2)
    it("computes the RAKP codes seen on the wire", () => {
      expect(rakp2Code(exchange, password).toString("hex")).toBe(vector.rakp2);
      expect(rakp3Code(exchange, password).toString("hex")).toBe(vector.rakp3);
      expect(rakp4Code(exchange, keys.sik).toString("hex")).toBe(vector.rakp4);
    });

  if (vector.packet)
    it("reads and writes the encrypted packet seen on the wire, byte for byte", () => {
      const packet = decodePacket(bytes(vector.packet ?? ""));
      expect(packet).toMatchObject({ encrypted: true, authenticated: true, sequence: 3, sessionId: exchange.bmcId });
      const plain = packet && unseal(keys, packet);
      expect(plain && decodeRequest(plain)).toMatchObject({ netFn: 6, cmd: 0x3b, sequence: 1, data: Buffer.from([4]) });
      const message = encodeRequest({ netFn: 6, cmd: 0x3b, sequence: 1, data: Buffer.from([4]) });
      const iv = packet?.payload.subarray(0, 16);
      expect(seal(keys, { sessionId: exchange.bmcId, sequence: 3 }, message, iv).toString("hex")).toBe(vector.packet);
    });

  it("takes a password padded with zeros for the same key", () => {
    const padded = secretKey(Buffer.concat([bytes(vector.k), Buffer.alloc(20 - bytes(vector.k).length)]));
    expect(rakp2Code(exchange, padded)).toEqual(rakp2Code(exchange, password));
  });
});
