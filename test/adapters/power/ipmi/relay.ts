import { createSocket } from "node:dgram";
import { once } from "node:events";

/** What a relay lets through instead of one datagram. */
export type Pass = (datagram: Buffer, direction: "to-bmc" | "to-client") => Buffer[];

/** A UDP relay on 127.0.0.1 between one client socket and one BMC that `pass` may drop, repeat or change datagrams in. */
export async function createRelay(bmcPort: number, pass: Pass) {
  const front = createSocket("udp4").bind(0, "127.0.0.1");
  const back = createSocket("udp4").bind(0, "127.0.0.1");
  await Promise.all([once(front, "listening"), once(back, "listening")]);
  const clients = new Set<number>();
  let client = 0;
  front.on("message", (datagram, from) => {
    client = from.port;
    clients.add(client);
    for (const out of pass(datagram, "to-bmc")) back.send(out, bmcPort, "127.0.0.1");
  });
  back.on("message", (datagram) => {
    for (const out of pass(datagram, "to-client")) front.send(out, client, "127.0.0.1");
  });
  return {
    port: front.address().port,
    /** The client ports seen. */
    clients,
    close() {
      front.close();
      back.close();
    },
  };
}

const isSetup = (datagram: Buffer, type: number) => datagram[4] === 0x06 && datagram[5] === type;

/** Console to BMC: begins a set-up. */
export const isOpenRequest = (datagram: Buffer) => isSetup(datagram, 0x10);
/** BMC to console: the algorithms it chose. */
export const isOpenResponse = (datagram: Buffer) => isSetup(datagram, 0x11);
/** One login attempt. */
export const isRakp1 = (datagram: Buffer) => isSetup(datagram, 0x12);
/** The BMC's random number, and its proof that it knows the password. */
export const isRakp2 = (datagram: Buffer) => isSetup(datagram, 0x13);
/** The console's proof. */
export const isRakp3 = (datagram: Buffer) => isSetup(datagram, 0x14);
/** Outside any session, in 1.5 framing: here, the question for cipher suites. */
export const isSessionless = (datagram: Buffer) => datagram[4] === 0x00;
/** Encrypted and authenticated, either way. */
export const isInSession = (datagram: Buffer) => datagram[4] === 0x06 && datagram[5] === 0xc0;
