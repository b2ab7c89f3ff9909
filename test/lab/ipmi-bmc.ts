import { type KeyObject, randomBytes } from "node:crypto";
import { createSocket, type RemoteInfo } from "node:dgram";
import { once } from "node:events";
import { agree, type CipherSuite, deriveKeys, type SessionKeys, seal, secretKey, suites, unseal } from "#adapters/power/ipmi/algorithms.ts";
import { decodeRequest, encodeResponse } from "#adapters/power/ipmi/message.ts";
import { decodePacket, encodeSessionless, encodeSetup, type Packet, payloadTypes } from "#adapters/power/ipmi/packet.ts";
import {
  type Exchange,
  encodeOpenResponse,
  encodeRakp,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionIntegrityKey,
} from "#adapters/power/ipmi/rakp.ts";
import type { Clock } from "#events";
import type { Host } from "./host.ts";
import { createIpmiCommands, type IpmiRequest, wireGuid } from "./ipmi-bmc-commands.ts";

/** A simulated BMC that speaks IPMI 2.0 over UDP on 127.0.0.1 and acts on a `Host`. */
export interface IpmiBmc {
  readonly port: number;
  /** Every command it executed, in order. */
  readonly requests: readonly IpmiRequest[];
  /** Sessions open or half open now. */
  sessions(): number;
  /** Forgets all sessions, as a BMC does that restarted. */
  forgetSessions(): void;
  close(): Promise<void>;
}

interface BmcSession {
  readonly known: Exchange;
  readonly maxPrivilege: number;
  keys: SessionKeys | undefined;
  privilege: number;
  inbound: number;
  outbound: number;
  usedAt: number;
}

/**
 * Starts a BMC. Like many real ones it executes an exact duplicate again, drops what is outside the sequence window or wrongly
 * signed without a word, and keeps half-open sessions until they expire.
 *
 * @param seed for the packet loss of `host.faults.loss`, both ways
 * @param oncePerPort is deaf to a second login from the port of the first; default false
 * @param hidesUsers answers a name that it does not know as if it did; default false
 * @param userPrivilege what the user may ask for, 2 to 4; default 4
 * @param slots parallel sessions; default 16
 * @param refuses a completion code to answer instead of executing a command in a session
 * @param answersTo the requester's address in its answers; default the console's, 0x81
 * @param keepsLog whether it has an event log; default true
 * @param selStep distance of record ids in the event log; default 1
 * @param sessionMs idle time after which a session is dropped; default 60 000
 */
export async function createIpmiBmc(options: {
  host: Host;
  clock: Clock;
  user: string;
  password: string;
  kg?: string;
  seed?: number;
  suites?: readonly CipherSuite[];
  port?: number;
  userPrivilege?: number;
  slots?: number;
  sessionMs?: number;
  guidOrder?: "smbios" | "rfc" | "ipmi";
  refuses?: (request: IpmiRequest) => number | undefined;
  oncePerPort?: boolean;
  hidesUsers?: boolean;
  answersTo?: number;
  keepsLog?: boolean;
  selStep?: number;
}): Promise<IpmiBmc> {
  const { host, clock, userPrivilege = 4, slots = 16, sessionMs = 60_000, guidOrder = "smbios" } = options;
  const offered = options.suites ?? [3, 17];
  const password = secretKey(options.password);
  const nobodys = secretKey(randomBytes(20));
  const kg: KeyObject | undefined = options.kg === undefined ? undefined : secretKey(options.kg);
  const lost = seededLoss(options.seed ?? 1);
  const sessions = new Map<number, BmcSession>();
  const taken = new Set<number>();
  const requests: IpmiRequest[] = [];
  let nextId = 0x0200_0001;
  const commands = createIpmiCommands({
    host,
    offered,
    guidOrder,
    hasKg: kg !== undefined,
    keepsLog: options.keepsLog ?? true,
    selStep: options.selStep ?? 1,
    sessions: () => [...sessions.values()].filter(({ keys }) => keys).length,
    restart: () => sessions.clear(),
    user: { name: options.user, privilege: userPrivilege },
  });
  const socket = createSocket("udp4");

  const dead = () => host.faults.bmcDead || host.faults.noMains;
  const send = (datagram: Buffer, to: RemoteInfo) => {
    if (!dead() && !lost(host.faults.loss)) socket.send(datagram, to.port, to.address, () => undefined);
  };

  const expire = () => {
    for (const [id, session] of sessions) if (clock.mono() - session.usedAt > sessionMs) sessions.delete(id);
  };

  const openSession = (payload: Buffer): Buffer | undefined => {
    if (payload.length < 32) return undefined;
    const tag = payload.readUInt8(0);
    const asked = [12, 20, 28].map((offset) => payload.readUInt8(offset));
    const suite = offered
      .map((id) => suites[id])
      .find((one) => [one.authentication, one.integrity, one.confidentiality].every((number, index) => number === asked[index]));
    if (!suite) return Buffer.from([tag, 0x11]);
    expire();
    if (sessions.size >= slots) return Buffer.from([tag, 0x01]);
    const bmcId = nextId++;
    const consoleId = payload.readUInt32LE(4);
    const empty = Buffer.alloc(0);
    const known = { suite, consoleId, bmcId, consoleRandom: empty, bmcRandom: empty, guid: empty, role: 0, user: empty };
    sessions.set(bmcId, { known, maxPrivilege: 0, keys: undefined, privilege: 2, inbound: 0, outbound: 0, usedAt: clock.mono() });
    return encodeOpenResponse({ tag, privilege: payload.readUInt8(1) || userPrivilege, consoleId, bmcId, suite });
  };

  const rakp1 = (payload: Buffer): Buffer | undefined => {
    if (payload.length < 28) return undefined;
    const tag = payload.readUInt8(0);
    const bmcId = payload.readUInt32LE(4);
    const session = sessions.get(bmcId);
    if (!session) return encodeRakp(tag, 0x02, 0);
    const role = payload.readUInt8(24);
    const user = payload.subarray(28, 28 + payload.readUInt8(27));
    const { consoleId } = session.known;
    const refuse = (status: number) => {
      sessions.delete(bmcId);
      return encodeRakp(tag, status, consoleId);
    };
    const isKnown = user.toString() === options.user;
    if (!isKnown && !options.hidesUsers) return refuse(0x0d);
    if ((role & 0x0f) > userPrivilege) return refuse(0x0a);
    const guid = wireGuid(host, guidOrder);
    const known = { ...session.known, role, user, consoleRandom: payload.subarray(8, 24), bmcRandom: randomBytes(16), guid };
    sessions.set(bmcId, { ...session, known, maxPrivilege: role & 0x0f || userPrivilege });
    return encodeRakp(tag, 0, consoleId, known.bmcRandom, guid, rakp2Code(known, isKnown ? password : nobodys));
  };

  const rakp3 = (payload: Buffer): Buffer | undefined => {
    if (payload.length < 8) return undefined;
    const tag = payload.readUInt8(0);
    const bmcId = payload.readUInt32LE(4);
    const session = sessions.get(bmcId);
    if (!session) return encodeRakp(tag, 0x02, 0);
    const { known } = session;
    if (payload[1] !== 0) {
      sessions.delete(bmcId);
      return undefined;
    }
    if (!agree(payload.subarray(8), rakp3Code(known, password))) {
      sessions.delete(bmcId);
      return encodeRakp(tag, 0x0f, known.consoleId);
    }
    session.keys = deriveKeys(known.suite, sessionIntegrityKey(known, kg ?? password));
    session.usedAt = clock.mono();
    return encodeRakp(tag, 0, known.consoleId, rakp4Code(known, session.keys.sik));
  };

  const inSession = (packet: Packet): Buffer | undefined => {
    expire();
    const session = sessions.get(packet.sessionId);
    if (!session?.keys) return undefined;
    const plain = unseal(session.keys, packet);
    const ahead = packet.sequence - session.inbound;
    if (!plain || packet.sequence === 0 || ahead < -16 || ahead > 15) return undefined;
    session.inbound = Math.max(session.inbound, packet.sequence);
    session.usedAt = clock.mono();
    const request = decodeRequest(plain);
    if (!request) return undefined;
    const { netFn, cmd, sequence } = request;
    const data = Buffer.from(request.data);
    const { consoleId, bmcId } = session.known;
    const refused = options.refuses?.({ netFn, cmd, data });
    if (refused === undefined) requests.push({ netFn, cmd, data });
    const answer =
      refused !== undefined
        ? { completion: refused, data: Buffer.alloc(0) }
        : commands.run({ netFn, cmd, data }, { session, close: (id) => sessions.delete(id) });
    const message = encodeResponse({ netFn: netFn + 1, cmd, sequence, ...answer }, options.answersTo);
    session.outbound += 1;
    if (!sessions.has(bmcId) && cmd !== 0x3c && cmd !== 0x02) return undefined;
    return seal(session.keys, { sessionId: consoleId, sequence: session.outbound }, message);
  };

  const sessionless = (packet: Packet): Buffer | undefined => {
    const request = decodeRequest(packet.payload);
    if (!request || packet.sessionId !== 0) return undefined;
    const { netFn, cmd, sequence } = request;
    const data = Buffer.from(request.data);
    requests.push({ netFn, cmd, data });
    const message = encodeResponse({ netFn: netFn + 1, cmd, sequence, ...commands.runOutside({ netFn, cmd, data }) }, options.answersTo);
    return packet.format === "1.5" ? encodeSessionless(message) : encodeSetup(payloadTypes.ipmi, message);
  };

  const answer = (packet: Packet, from: number): Buffer | undefined => {
    const setUp = (type: number, payload: Buffer | undefined) => payload && encodeSetup(type, payload);
    if (packet.authenticated) return inSession(packet);
    switch (packet.payloadType) {
      case payloadTypes.openRequest:
        return taken.has(from) ? undefined : setUp(payloadTypes.openResponse, openSession(packet.payload));
      case payloadTypes.rakp1:
        return setUp(payloadTypes.rakp2, rakp1(packet.payload));
      case payloadTypes.rakp3:
        if (options.oncePerPort) taken.add(from);
        return setUp(payloadTypes.rakp4, rakp3(packet.payload));
      case payloadTypes.ipmi:
        return sessionless(packet);
      default:
        return undefined;
    }
  };

  socket.on("message", (datagram, from) => {
    if (dead() || lost(host.faults.loss)) return;
    const packet = decodePacket(datagram);
    const reply = packet && answer(packet, from.port);
    if (reply) send(reply, from);
  });
  socket.bind(options.port ?? 0, "127.0.0.1");
  await once(socket, "listening");

  return {
    port: socket.address().port,
    requests,
    sessions: () => sessions.size,
    forgetSessions: () => sessions.clear(),
    close: () => new Promise((resolve) => socket.close(() => resolve())),
  };
}

/** Decides, from a seed, which packets are lost (mulberry32). */
function seededLoss(seed: number): (share: number) => boolean {
  let state = seed;
  return (share) => {
    if (share <= 0) return false;
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 < share;
  };
}
