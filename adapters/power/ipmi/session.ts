import { type SessionKeys, seal, unseal } from "./algorithms.ts";
import { decodeResponse, encodeRequest, type Response } from "./message.ts";
import type { Line } from "./transport.ts";
import { createWindow } from "./window.ts";

/** What came of one request: its answer, or silence, and how often it went out. */
interface Answer {
  readonly response: Response | undefined;
  /** 0 = nothing was sent. */
  readonly sent: number;
}

/** An authenticated, encrypted session with one BMC. One request at a time. */
export interface Session {
  readonly keys: SessionKeys;
  /** As the BMC proved it in RAKP 2 and 4. */
  readonly guid: Buffer;
  /** The most that it was opened for: 2 user, 3 operator, 4 administrator. */
  readonly privilege: number;
  /** Where it is. It begins at user (IPMI 2.0 §22.18), and `raised` says that Set Session Privilege Level was answered. */
  readonly level: number;
  raised(level: number): void;
  /**
   * Sends a request, and again with the same message sequence and a new session sequence as long as nothing comes back, once for
   * each wait. `gate` runs right before each transmission; what it throws before the first is thrown here, later it ends the tries.
   */
  request(
    command: { netFn: number; cmd: number; data: Uint8Array },
    options: { waits: readonly number[]; signal: AbortSignal; gate?: () => void },
  ): Promise<Answer>;
  /** Frees the BMC's slot: one packet for each wait, until it is confirmed. Never throws. */
  close(waits: readonly number[]): Promise<void>;
}

/**
 * A session over `line` as the handshake left it; both sequences start at 1.
 *
 * @param bmcId the BMC's session id; `line` carries the console's
 */
export function createSession(options: { line: Line; bmcId: number; keys: SessionKeys; guid: Buffer; privilege: number }): Session {
  const { line, bmcId, keys, guid, privilege } = options;
  const accept = createWindow();
  let outbound = 0;
  let level = 2;
  let messages = 0;
  let closed = false;

  const transmit = (message: Buffer) => {
    outbound += 1;
    line.send(seal(keys, { sessionId: bmcId, sequence: outbound }, message));
  };

  const session: Session = {
    keys,
    guid,
    privilege,
    get level() {
      return level;
    },
    raised(to) {
      level = to;
    },
    async request({ netFn, cmd, data }, { waits, signal, gate }) {
      messages = (messages + 1) % 64;
      const sequence = messages;
      const message = encodeRequest({ netFn, cmd, data, sequence });
      let sent = 0;
      for (const wait of waits) {
        const send = () => {
          gate?.();
          transmit(message);
          sent += 1;
        };
        try {
          const response = await line.exchange(
            send,
            (packet) => {
              if (packet.sessionId !== line.consoleId) return undefined;
              const plain = unseal(keys, packet);
              if (plain === undefined || !accept(packet.sequence)) return undefined;
              const found = decodeResponse(plain, true);
              return found?.netFn === netFn + 1 && found.cmd === cmd && found.sequence === sequence ? found : undefined;
            },
            wait,
            signal,
          );
          if (response) return { response, sent };
        } catch (error) {
          if (sent === 0) throw error;
          break;
        }
      }
      return { response: undefined, sent };
    },
    async close(waits) {
      if (closed) return;
      closed = true;
      const data = Buffer.alloc(4);
      data.writeUInt32LE(bmcId);
      const goodbye = { netFn: 0x06, cmd: 0x3c, data };
      await session.request(goodbye, { waits, signal: new AbortController().signal }).catch(() => undefined);
      line.close();
    },
  };
  return session;
}
