import { type ClientHttp2Session, connect } from "node:http2";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import type { Clock } from "#events";
import { type Handshake, shakeHands, type TalosAddress } from "./handshake.ts";

/** One HTTP/2 connection to one machine, opened when it is needed and again after it broke. */
export interface Session {
  readonly authority: string;
  /**
   * The open connection: verified by us, and our certificate accepted, for its settings have arrived. Rejects with the error of the
   * socket or of `verify`.
   */
  open(signal?: AbortSignal): Promise<ClientHttp2Session>;
  /** As `open`, and it has just answered: one that looks open to a machine that was cut off is found out and replaced. */
  openAlive(signal?: AbortSignal): Promise<ClientHttp2Session>;
  /** A call on it got no answer in time: asks whether the peer is there at all, and gives the connection up if it is not. */
  doubt(connection: ClientHttp2Session | undefined): void;
  close(): void;
}

export function createSession(options: {
  address: TalosAddress;
  /** Asked at every connect: certificates are renewed while we run. */
  tls: () => SecureContextOptions;
  /** Throws when this is not the peer that is meant. */
  verify: (hands: Handshake) => void;
  clock: Clock;
  timeoutMs: number;
}): Session {
  const { address, clock, timeoutMs } = options;
  const host = address.host.includes(":") ? `[${address.host}]` : address.host;
  const authority = new URL(`https://${host}:${address.port ?? 50_000}`).origin;
  const all = new Map<ClientHttp2Session, TLSSocket>();
  let current: ClientHttp2Session | undefined;
  let opening: Promise<ClientHttp2Session> | undefined;
  let closed = false;

  const forget = (connection: ClientHttp2Session | undefined) => {
    if (current === connection) current = undefined;
  };
  const dial = async (): Promise<ClientHttp2Session> => {
    const hands = await shakeHands(address, options.tls(), { clock, timeoutMs, signal: undefined });
    try {
      options.verify(hands);
    } catch (error) {
      hands.socket.destroy();
      throw error;
    }
    const connection = connect(authority, { createConnection: () => hands.socket });
    all.set(connection, hands.socket);
    connection.on("error", () => forget(connection));
    // A failure of TLS after the handshake, as the alert that refuses our certificate, destroys the session without a word and leaves
    // the socket open (Node 24): only the socket tells of it.
    hands.socket.once("error", () => hands.socket.destroy());
    hands.socket.once("close", () => {
      all.delete(connection);
      forget(connection);
    });
    connection.once("goaway", () => forget(connection));
    await settled(connection, "no HTTP/2 settings", (done) => connection.once("remoteSettings", done));
    if (closed) connection.destroy();
    else current = connection;
    return connection;
  };

  /** Waits for a word from the peer; a connection that does not give it in time is destroyed. */
  const settled = async (connection: ClientHttp2Session, what: string, begin: (done: () => void) => void) => {
    const over = new AbortController();
    let fail: (error: Error) => void = () => undefined;
    const socket = all.get(connection);
    const gone = () => fail(Object.assign(new Error("the connection was closed"), { code: "ECONNRESET" }));
    try {
      await new Promise<void>((resolve, reject) => {
        fail = reject;
        if (!socket) return gone();
        connection.on("error", reject);
        socket.on("error", reject).once("close", gone);
        begin(resolve);
        void clock.sleep(timeoutMs, over.signal).then(
          () => reject(Object.assign(new Error(`${what} within ${timeoutMs} ms`), { code: "ETIMEDOUT" })),
          () => undefined,
        );
      });
    } catch (error) {
      forget(connection);
      connection.destroy();
      throw error;
    } finally {
      over.abort();
      connection.off("error", fail);
      socket?.off("error", fail).off("close", gone);
    }
  };
  const ping = (connection: ClientHttp2Session) =>
    settled(connection, "no answer to a ping", (done) => connection.ping((error) => error === null && done()));

  const open = async (signal?: AbortSignal): Promise<ClientHttp2Session> => {
    signal?.throwIfAborted();
    if (closed) throw new Error("closed");
    if (current && !current.destroyed && !current.closed) return current;
    opening ??= dial().finally(() => {
      opening = undefined;
    });
    return await until(opening, signal);
  };

  return {
    authority,
    open,
    async openAlive(signal) {
      const known = current;
      const connection = await open(signal);
      if (connection !== known) return connection;
      try {
        await until(ping(connection), signal);
        return connection;
      } catch {
        signal?.throwIfAborted();
        return await open(signal);
      }
    },
    doubt(connection) {
      if (connection && !connection.destroyed) ping(connection).catch(() => undefined);
    },
    close() {
      closed = true;
      for (const connection of all.keys()) connection.destroy();
    },
  };
}

/** Stops waiting when the signal aborts; the work itself goes on for those who share it. */
async function until<T>(work: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return await work;
  signal.throwIfAborted();
  let stop: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    stop = () => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", stop);
    work.catch(() => undefined);
  }
}
