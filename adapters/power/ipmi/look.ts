import { randomInt } from "node:crypto";
import { getAuthCapabilities } from "./commands/app.ts";
import { decodeResponse, encodeRequest } from "./message.ts";
import { listSuites } from "./offered.ts";
import { encodeSessionless, type Packet } from "./packet.ts";
import { defaultTimeouts, waits } from "./timing.ts";
import type { IpmiTransport } from "./transport.ts";

/** What a BMC says before any login. */
export interface IpmiOffer {
  /** IPMI 2.0 over LAN; without it only 1.5, which sends passwords in a way that is not safe. */
  readonly rmcpPlus: boolean;
  /** A second, BMC-wide key is set. */
  readonly hasKg: boolean;
  /** `undefined` where it does not list them. */
  readonly suites: readonly number[] | undefined;
}

/** Asks whether IPMI over LAN answers, without logging in; `undefined` for silence. Rejects where the name does not resolve. */
export async function lookAtIpmi(options: {
  host: string;
  port: number;
  transport: IpmiTransport;
  signal: AbortSignal;
}): Promise<IpmiOffer | undefined> {
  const { host, port, signal, transport } = options;
  const line = await transport.open(await transport.resolve(host, port));
  try {
    for (const waitMs of waits(defaultTimeouts.packetMs, 2)) {
      const sequence = randomInt(0, 64);
      const read = (packet: Packet) => {
        const answer = packet.authenticated || packet.sessionId !== 0 ? undefined : decodeResponse(packet.payload);
        const ours =
          answer?.netFn === getAuthCapabilities.netFn + 1 && answer.cmd === getAuthCapabilities.cmd && answer.sequence === sequence;
        return ours && answer.completion === 0 ? getAuthCapabilities.parse(answer.data) : undefined;
      };
      const send = () => line.send(encodeSessionless(encodeRequest({ ...getAuthCapabilities, sequence })));
      const offer = await line.exchange(send, read, waitMs, signal);
      if (offer) return { ...offer, suites: await listSuites(line, waitMs, signal) };
    }
    return undefined;
  } finally {
    line.close();
  }
}
