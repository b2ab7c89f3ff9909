import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { connect, type SecureContextOptions, type TLSSocket } from "node:tls";
import type { Clock } from "#events";

/** Where a machine's Talos API is. */
export interface TalosAddress {
  readonly host: string;
  /** @default 50000 */
  readonly port?: number;
  /** The name its certificate must have, where it is not `host`. */
  readonly servername?: string;
}

/** The peer is not the one that is meant. Nothing was sent to it but the handshake. */
export class PeerError extends Error {
  readonly hint: string | undefined;
  constructor(message: string, hint?: string) {
    super(message);
    this.hint = hint;
  }
}

/** The name in the throw-away certificate of a machine that has no configuration. */
export const maintenanceName = "maintenance-service.talos.dev";

export interface Handshake {
  readonly socket: TLSSocket;
  /** Signed by our CA and for this address. */
  readonly trusted: boolean;
  /** Why it is not trusted, as OpenSSL or Node name it. */
  readonly why: string;
  /** The certificate's common name; `undefined` without one. */
  readonly name: string | undefined;
  /** base64 of the SHA-256 of the public key, as talosctl's `--cert-fingerprint` takes it. */
  readonly fingerprint: string | undefined;
}

/**
 * Connects and shakes hands, and leaves it to the caller whether to believe the certificate: nothing but the handshake has been
 * sent. Rejects with the socket's error, or with the signal's reason.
 */
export async function shakeHands(
  address: TalosAddress,
  tls: SecureContextOptions,
  limits: { clock: Clock; timeoutMs: number; signal: AbortSignal | undefined },
): Promise<Handshake> {
  const { host, port = 50_000, servername } = address;
  const name = servername ?? (isIP(host) ? undefined : host);
  limits.signal?.throwIfAborted();
  const done = new AbortController();
  const socket = connect({ host, port, ALPNProtocols: ["h2"], rejectUnauthorized: false, ...(name ? { servername: name } : {}), ...tls });
  try {
    await new Promise<void>((resolve, reject) => {
      const stop = () => reject(limits.signal?.reason);
      limits.signal?.addEventListener("abort", stop, { once: true });
      done.signal.addEventListener("abort", () => limits.signal?.removeEventListener("abort", stop), { once: true });
      socket.once("secureConnect", resolve);
      socket.on("error", reject);
      socket.once("close", () => reject(Object.assign(new Error("closed before the handshake was over"), { code: "ECONNRESET" })));
      const late = Object.assign(new Error(`no TLS handshake within ${limits.timeoutMs} ms`), { code: "ETIMEDOUT" });
      void limits.clock.sleep(limits.timeoutMs, done.signal).then(
        () => reject(late),
        () => undefined,
      );
    });
  } catch (error) {
    socket.destroy();
    throw error;
  } finally {
    done.abort();
  }
  // A peer that is gone without a word is noticed by the kernel. Not by HTTP/2 pings: a Go server takes them for abuse.
  socket.setKeepAlive(true, 15_000);
  const peer = socket.getPeerX509Certificate();
  const commonName = peer?.subject?.split("\n").find((line) => line.startsWith("CN="));
  return {
    socket,
    trusted: socket.authorized,
    why: String(socket.authorizationError ?? ""),
    name: commonName?.slice(3, 103),
    fingerprint:
      peer &&
      createHash("sha256")
        .update(peer.publicKey.export({ type: "spki", format: "der" }))
        .digest("base64"),
  };
}
