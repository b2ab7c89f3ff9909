import { randomInt } from "node:crypto";
import { getCipherSuites, parseCipherSuites } from "./commands/app.ts";
import { decodeResponse, encodeRequest } from "./message.ts";
import { encodeSessionless, type Packet } from "./packet.ts";
import type { Line } from "./transport.ts";

const lastIndex = 0x3f;

/**
 * The ids of the cipher suites that a BMC lists, or `undefined` where it does not answer: then nothing is known. Asked once, before
 * any session, in 1.5 framing; answers in either framing count.
 */
export async function listSuites(line: Line, waitMs: number, signal: AbortSignal): Promise<number[] | undefined> {
  const chunks: Buffer[] = [];
  for (let index = 0; index <= lastIndex; index += 1) {
    const command = getCipherSuites(index);
    const sequence = randomInt(0, 64);
    const read = (packet: Packet) => {
      const answer = packet.authenticated || packet.sessionId !== 0 ? undefined : decodeResponse(packet.payload);
      if (answer?.netFn !== command.netFn + 1 || answer.cmd !== command.cmd || answer.sequence !== sequence) return undefined;
      return { chunk: answer.completion === 0 ? command.parse(answer.data) : undefined };
    };
    const send = () => line.send(encodeSessionless(encodeRequest({ ...command, sequence })));
    const answer = await line.exchange(send, read, waitMs, signal);
    if (!answer?.chunk) return undefined;
    chunks.push(answer.chunk);
    if (answer.chunk.length < 16) break;
  }
  return parseCipherSuites(Buffer.concat(chunks));
}
