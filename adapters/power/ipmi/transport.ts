import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { isIP } from "node:net";
import type { Clock } from "#events";
import { type After, createDeadlines } from "./deadlines.ts";
import { consoleIdOf, decodePacket, type Packet } from "./packet.ts";

/** Where a BMC is: a literal IP address and a UDP port. */
export interface Address {
  readonly ip: string;
  readonly family: 4 | 6;
  readonly port: number;
}

/** One conversation with one BMC, known by a console session id of its own. */
export interface Line {
  readonly consoleId: number;
  /** Hands one datagram to the kernel before it returns. Failures to send look like a lost packet. */
  send(datagram: Buffer): void;
  /**
   * Runs `send`, then resolves with the first thing that `pick` finds in a packet from this BMC, or with `undefined` after
   * `ms`. Rejects with the signal's reason, or with what `send` threw.
   */
  exchange<T>(send: () => void, pick: (packet: Packet) => T | undefined, ms: number, signal: AbortSignal): Promise<T | undefined>;
  close(): void;
}

/** One UDP socket per address family that serves every BMC of the process, and one more for each line that asks for its own. */
export interface IpmiTransport {
  resolve(host: string, port: number): Promise<Address>;
  /**
   * A line with a fresh console session id.
   *
   * @param ownPort from a port of its own, as a BMC needs that keeps one session for each client's address and port
   */
  open(address: Address, ownPort?: boolean): Promise<Line>;
  /** A timer, cheap where most are called off. */
  readonly after: After;
  close(): Promise<void>;
}

type Listener = (packet: Packet) => void;

/** Sockets are opened on first use and do not keep the process alive. */
export function createIpmiTransport({ clock }: { clock: Clock }): IpmiTransport {
  const after = createDeadlines(clock);
  const sockets = new Map<4 | 6, Promise<Socket>>();
  const byId = new Map<number, Listener>();
  let closed = false;
  const byAddress = new Map<string, Set<Listener>>();
  const place = (ip: string, port: number) => `${ip} ${port}`;

  const receive = (datagram: Buffer, from: { address: string; port: number }) => {
    const packet = decodePacket(datagram);
    if (packet === undefined) return;
    const owner = byId.get(consoleIdOf(packet));
    if (owner) return owner(packet);
    for (const listener of byAddress.get(place(from.address, from.port)) ?? []) listener(packet);
  };

  const bind = async (family: 4 | 6): Promise<Socket> => {
    // Addresses are resolved before: answering at once makes `send` reach the kernel before it returns, right behind the gate.
    const literal = (ip: string, _: unknown, answer: (error: null, ip: string, family: number) => void) => answer(null, ip, family);
    const socket = createSocket({ type: family === 6 ? "udp6" : "udp4", lookup: literal, recvBufferSize: 1 << 20 });
    socket.on("message", receive);
    socket.on("error", () => undefined);
    const listening = once(socket, "listening");
    socket.bind(0, family === 6 ? "::" : "0.0.0.0");
    await listening;
    socket.unref();
    return socket;
  };
  const socketFor = (family: 4 | 6): Promise<Socket> => {
    if (closed) return Promise.reject(new Error("the IPMI transport was closed"));
    const open = sockets.get(family);
    if (open) return open;
    const opening = bind(family);
    sockets.set(family, opening);
    opening.catch(() => sockets.delete(family));
    return opening;
  };
  const freshId = (): number => {
    const id = randomInt(1, 2 ** 32);
    return byId.has(id) ? freshId() : id;
  };

  return {
    async resolve(host, port) {
      const literal = isIP(host);
      if (literal !== 0) return { ip: host, family: literal === 6 ? 6 : 4, port };
      const { address, family } = await lookup(host);
      return { ip: address, family: family === 6 ? 6 : 4, port };
    },
    async open(address, ownPort = false) {
      const socket = ownPort ? await bind(address.family) : await socketFor(address.family);
      const consoleId = freshId();
      const key = place(address.ip, address.port);
      const waiting = new Set<Listener>();
      const hear: Listener = (packet) => {
        for (const listener of waiting) listener(packet);
      };
      const neighbours = byAddress.get(key) ?? new Set();
      byAddress.set(key, neighbours.add(hear));
      byId.set(consoleId, hear);
      return {
        consoleId,
        send(datagram) {
          try {
            socket.send(datagram, address.port, address.ip);
          } catch {
            // The socket was closed meanwhile: as lost as on the wire.
          }
        },
        exchange: (send, pick, ms, signal) => exchange(after, waiting, send, pick, ms, signal),
        close() {
          byId.delete(consoleId);
          neighbours.delete(hear);
          if (neighbours.size === 0) byAddress.delete(key);
          if (ownPort) socket.close();
        },
      };
    },
    after,
    async close() {
      closed = true;
      const open = [...sockets.values()];
      sockets.clear();
      await Promise.all(open.map(async (socket) => new Promise<void>((resolve) => void socket.then((it) => it.close(() => resolve())))));
    },
  };
}

function exchange<T>(
  after: After,
  waiting: Set<Listener>,
  send: () => void,
  pick: (packet: Packet) => T | undefined,
  ms: number,
  signal: AbortSignal,
): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const end = (settle: () => void) => {
      waiting.delete(listener);
      signal.removeEventListener("abort", aborted);
      callOff();
      settle();
    };
    const aborted = () => end(() => reject(signal.reason));
    const listener: Listener = (packet) => {
      const found = pick(packet);
      if (found !== undefined) end(() => resolve(found));
    };
    // After a stall of the process, answers wait in the socket while timers fire first: read those before giving up.
    const callOff = after(ms, () => setImmediate(() => end(() => resolve(undefined))));
    waiting.add(listener);
    signal.addEventListener("abort", aborted);
    try {
      send();
    } catch (error) {
      return end(() => reject(error));
    }
  });
}
