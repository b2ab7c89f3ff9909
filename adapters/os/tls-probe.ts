import { connect as connectTcp, isIP, type Socket } from "node:net";
import { connect, type TLSSocket } from "node:tls";
import type { Clock } from "#events";
import type { Os, SignOfLife } from "./port.ts";

/** Where a machine's operating system is asked. */
export interface ProbeAddress {
  readonly host: string;
  /** @default 10250 */
  readonly kubeletPort?: number;
  /** The Talos API. @default 50000 */
  readonly talosPort?: number;
}

export interface TlsProbeOptions {
  /** `undefined` when no address is known: then nobody is asked, and the answer is empty. */
  readonly addressOf: (machine: string) => ProbeAddress | undefined;
  readonly clock: Clock;
  /** For one service, connection and handshake together. @default 3000 */
  readonly timeoutMs?: number;
}

/**
 * Asks kubelet and Talos for a TLS handshake and counts as an answer what only a running operating system can say:
 *
 * - the first bytes of a TLS answer, a refusal (an alert, a demand for a client certificate) as much as a certificate.
 *   Both services are TLS only, so their own answer always starts so; bytes that are not TLS count too, for something alive sent them.
 * - not a TCP accept alone: a load balancer, a NAT box or a kernel whose user space hangs does that too.
 * - not `ECONNREFUSED`: a network stack said no, but it may be a firewall's, a BMC's on a shared port, or that of another
 *   machine that has the address now; and a booting installer refuses as well. It is told in `seen`, so that whoever is asked
 *   for a decision sees the difference to silence.
 *
 * The certificate is deliberately not verified, for any answer means that the machine is not lost; nothing is sent but
 * the hello, and nothing that was received is believed. Never throws, except that the caller's signal aborts it.
 */
export function createTlsProbe(options: TlsProbeOptions): Os {
  const { addressOf, clock, timeoutMs = 3000 } = options;
  return {
    async signsOfLife(machine, signal) {
      signal?.throwIfAborted();
      const address = addressOf(machine);
      if (!address) return [];
      const services = [
        ["kubelet", address.kubeletPort ?? 10250],
        ["talos", address.talosPort ?? 50000],
      ] as const;
      return await Promise.all(
        services.map(async ([service, port]): Promise<SignOfLife> => {
          return { service, ...(await hello(address.host, port, { clock, timeoutMs, signal })) };
        }),
      );
    },
  };
}

type Answer = Pick<SignOfLife, "answered" | "seen">;

function hello(
  host: string,
  port: number,
  { clock, timeoutMs, signal }: { clock: Clock; timeoutMs: number; signal: AbortSignal | undefined },
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const done = new AbortController();
    let accepted = false;
    const tcp = connectTcp({ host, port });
    // Handed over connected: TLS over a socket of our own lets us see the bytes that came, not only what TLS makes of them.
    let tls: TLSSocket | undefined;
    const end = (settle: () => void) => {
      if (done.signal.aborted) return;
      done.abort();
      signal?.removeEventListener("abort", stop);
      settle();
      tls?.destroy();
      tcp.destroy();
    };
    const answer = (answered: boolean, seen: string) => end(() => resolve({ answered, seen }));
    const stop = () => end(() => reject(signal?.reason));
    const broken = (error: NodeJS.ErrnoException) => {
      if (tcp.bytesRead > 0) answer(true, `answered, but not with a TLS handshake (${error.code ?? error.message})`);
      else answer(false, `${error.code ?? error.message}${accepted ? " after the connection was accepted, without a byte" : ""}`);
    };

    signal?.addEventListener("abort", stop, { once: true });
    tcp.on("error", broken);
    tcp.once("connect", () => {
      accepted = true;
      tls = shake(tcp, host);
      tls.on("error", broken);
      tls.on("close", () => broken(new Error("closed")));
      tls.once("secureConnect", () => answer(true, certificate(tls)));
    });
    void clock.sleep(timeoutMs, done.signal).then(
      () => {
        if (tcp.bytesRead > 0) answer(true, "began a TLS handshake and did not finish it");
        else answer(false, `no answer in ${timeoutMs / 1000}s${accepted ? ", though the connection was accepted" : ""}`);
      },
      () => undefined,
    );
  });
}

function shake(socket: Socket, host: string): TLSSocket {
  return connect({ socket, rejectUnauthorized: false, ...(isIP(host) ? {} : { servername: host }) });
}

function certificate(tls: TLSSocket | undefined): string {
  const name = tls?.getPeerCertificate()?.subject?.CN;
  return typeof name === "string" && name !== "" ? `TLS, CN=${name.slice(0, 100)}` : "TLS";
}
