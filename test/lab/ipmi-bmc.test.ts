import { createSocket } from "node:dgram";
import { once } from "node:events";
import { expect, onTestFinished, test } from "vitest";
import { suites } from "#adapters/power/ipmi/algorithms.ts";
import { fruAreas, fruFields } from "#adapters/power/ipmi/commands/fru.ts";
import { decodePacket, encodeSetup, payloadTypes } from "#adapters/power/ipmi/packet.ts";
import { encodeOpenRequest } from "#adapters/power/ipmi/rakp.ts";
import { systemClock } from "#events";
import { createHost } from "./host.ts";
import { createIpmiBmc } from "./ipmi-bmc.ts";
import { fruBytes } from "./ipmi-bmc-fru.ts";

const host = createHost({ name: "m1", clock: systemClock });

test.each([
  ["whatever is highest", 0, 3],
  ["user", 2, 2],
])("who asks for a session as %s is told the privilege that it may have", async (_, privilege, told) => {
  const bmc = await createIpmiBmc({ host, clock: systemClock, user: "admin", password: "secret", userPrivilege: 3 });
  const socket = createSocket("udp4");
  onTestFinished(async () => {
    socket.close();
    await bmc.close();
  });
  const request = encodeOpenRequest({ tag: 7, privilege, consoleId: 0xa1a2a3a4, suite: suites[17] });
  socket.send(encodeSetup(payloadTypes.openRequest, request), bmc.port, "127.0.0.1");
  const [answer] = (await once(socket, "message")) as [Buffer];
  expect([...(decodePacket(answer)?.payload.subarray(0, 3) ?? [])]).toEqual([7, 0, told]);
});

test("every field of the FRU is there: none is taken for the end of its area", () => {
  const fru = fruBytes(host);
  const { product } = fruAreas(fru) ?? {};
  expect(fruFields("product", fru.subarray(product))).toEqual(["ACME", "Box1", "PN-1", "A0", "SN-m1", "", ""]);
});
