import { createSocket, type RemoteInfo, type Socket as UdpSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { type Dice, mutateBytes } from "#test/fuzz/mutate.ts";

/** What a line does to what passes over it; each share is between 0 and 1, and is asked anew for every piece. Read at every use. */
export interface Quality {
  /** Datagrams that never arrive; connections that are refused. */
  loss: number;
  /** Datagrams that arrive twice, the second one later. */
  duplicates: number;
  /** Pieces that come late, by up to `delayMs`, and so out of order. */
  delays: number;
  delayMs: number;
  /** Datagrams that are damaged, or have one of nonsense before them; connections that are cut in the middle of an answer. */
  garbage: number;
  /** Connections over which nothing more comes; with 1, a line that is silent altogether. */
  hangs: number;
}

export const goodLine: Quality = { loss: 0, duplicates: 0, delays: 0, delayMs: 0, garbage: 0, hangs: 0 };

/** A line between a client and a device. */
export interface BadLine {
  /** Where the client finds the device. */
  readonly port: number;
  readonly quality: Quality;
  close(): Promise<void>;
}

const chance = (dice: Dice, share: number): boolean => dice(1_000_000) < share * 1_000_000;

/** A line for datagrams, to a device at `to` on 127.0.0.1. */
export async function createBadDatagrams(to: number, dice: Dice): Promise<BadLine> {
  const quality = { ...goodLine };
  const near = createSocket("udp4");
  const far = new Map<string, UdpSocket>();
  let open = true;

  const carry = (datagram: Buffer, send: (datagram: Buffer) => void) => {
    if (chance(dice, quality.hangs) || chance(dice, quality.loss)) return;
    const arrive = (piece: Buffer, lateMs: number) => {
      if (lateMs === 0) send(piece);
      else pause(lateMs, undefined, { ref: false }).then(() => open && send(piece));
    };
    const late = () => 1 + dice(Math.max(1, quality.delayMs));
    if (chance(dice, quality.garbage)) arrive(mutateBytes(datagram, dice), 0);
    arrive(datagram, chance(dice, quality.delays) ? late() : 0);
    if (chance(dice, quality.duplicates)) arrive(datagram, late());
  };
  const farSide = (client: RemoteInfo): UdpSocket => {
    const name = `${client.address} ${client.port}`;
    const known = far.get(name);
    if (known) return known;
    const socket = createSocket("udp4");
    far.set(name, socket);
    socket.on("error", () => undefined);
    socket.on("message", (answer) => carry(answer, (piece) => open && near.send(piece, client.port, client.address, () => undefined)));
    return socket;
  };
  near.on("message", (datagram, client) => {
    const socket = farSide(client);
    carry(datagram, (piece) => open && socket.send(piece, to, "127.0.0.1", () => undefined));
  });
  near.bind(0, "127.0.0.1");
  await once(near, "listening");
  return {
    port: near.address().port,
    quality,
    async close() {
      open = false;
      await Promise.all([near, ...far.values()].map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
    },
  };
}

/** A line for connections, to a device at `to` on 127.0.0.1. */
export async function createBadConnections(to: number, dice: Dice): Promise<BadLine> {
  const quality = { ...goodLine };
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    if (chance(dice, quality.loss)) return near.destroy();
    const far = connect(to, "127.0.0.1");
    for (const [from, into] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => into.destroy());
      from.on("close", () => {
        sockets.delete(from);
        into.end();
      });
      void pipe(from, into);
    }
  });

  async function pipe(from: Socket, into: Socket): Promise<void> {
    try {
      for await (const piece of from as AsyncIterable<Buffer>) {
        if (chance(dice, quality.hangs)) return from.pause() as never;
        if (chance(dice, quality.delays)) await pause(1 + dice(Math.max(1, quality.delayMs)), undefined, { ref: false });
        if (chance(dice, quality.garbage)) {
          into.write(piece.subarray(0, dice(piece.length)));
          into.resetAndDestroy();
          from.destroy();
          return;
        }
        into.write(piece);
      }
    } catch {
      into.destroy();
    }
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    quality,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
