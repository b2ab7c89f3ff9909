import { constants } from "node:crypto";
import { isIP } from "node:net";
import { connect, TLSSocket } from "node:tls";
import { buildConnector } from "undici";
import { DeviceError } from "#events";

/** Where the fingerprints of BMC certificates are kept. */
export interface Pins {
  get(machine: string): Promise<string | undefined> | string | undefined;
  set(machine: string, fingerprint: string): Promise<void> | void;
}

/**
 * How a BMC's certificate is judged. `ca`: verified by these PEM certificates, name included. `pin`: exactly this SHA-256
 * fingerprint (hexadecimal, colons optional). `pins`: trusted on first use and pinned from then on. `plain`: no TLS at
 * all; everyone on the network reads the password. `legacy` also accepts TLS 1.0 and the weak keys of BMCs made before about 2015.
 */
export type RedfishTls =
  | { readonly ca: string; readonly legacy?: boolean }
  | { readonly pin: string; readonly legacy?: boolean }
  | { readonly pins: Pins; readonly legacy?: boolean }
  | { readonly plain: true };

/** What BMCs made before about 2015 need. */
const oldTls = { minVersion: "TLSv1" as const, ciphers: "DEFAULT@SECLEVEL=0", secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT };

/** A certificate as a BMC shows it to everybody. */
export interface ShownCertificate {
  /** SHA-256, lower-case hexadecimal. */
  readonly fingerprint: string;
  readonly subject: string;
  /** Begin and end, milliseconds since the epoch. */
  readonly validFrom: number;
  readonly validTo: number;
}

/** Shakes hands and hangs up: nothing is sent, verified or pinned. Rejects with a `DeviceError` (effect none). `target` is for errors. */
export function lookAtCertificate(options: {
  target: string;
  host: string;
  port: number;
  legacy?: boolean;
  signal: AbortSignal;
}): Promise<ShownCertificate> {
  const { host, legacy, port, signal, target } = options;
  return new Promise((resolve, reject) => {
    const socket = connect({
      host,
      port,
      rejectUnauthorized: false,
      ...(isIP(host) ? {} : { servername: host }),
      ...(legacy ? oldTls : {}),
    });
    const fail = (cause: unknown) => {
      socket.destroy();
      const why = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : String(cause);
      const about = { target, operation: "look at the certificate", effect: "none" } as const;
      const hint = "Check the BMC's address, power and network; an old BMC may need tls.legacy";
      reject(new DeviceError("LO_BMC_UNREACHABLE", about, `${host}:${port}: no TLS: ${why}`, { cause, hint }));
    };
    const aborted = () => fail(signal.reason);
    signal.addEventListener("abort", aborted, { once: true });
    socket.once("close", () => signal.removeEventListener("abort", aborted));
    socket.on("error", fail);
    socket.once("end", () => fail(new Error("it hung up")));
    socket.once("secureConnect", () => {
      const shown = socket.getPeerX509Certificate();
      if (!shown) return fail(new Error("it showed no certificate"));
      socket.destroy();
      resolve({
        fingerprint: fingerprintOf(shown.fingerprint256),
        // Node gives none for an empty subject, whatever its types say.
        subject: ((shown.subject as string | undefined) ?? "").replaceAll("\n", ", "),
        validFrom: shown.validFromDate.getTime(),
        validTo: shown.validToDate.getTime(),
      });
    });
    if (signal.aborted) aborted();
  });
}

/** A SHA-256 fingerprint in one spelling: lower-case hexadecimal without colons. */
export function fingerprintOf(text: string): string {
  return text.replaceAll(/[:\s]/g, "").toLowerCase();
}

/**
 * Opens sockets to one BMC and hands out only those whose certificate is the expected one; otherwise fails with
 * `LO_BMC_CERTIFICATE` (effect none) before a single byte of HTTP was written.
 */
export function createConnector(options: { machine: string; tls: RedfishTls; connectMs: number }): buildConnector.connector {
  const { machine, tls, connectMs } = options;
  const common = { timeout: connectMs, allowH2: false };
  if ("plain" in tls) return buildConnector(common);
  const old = tls.legacy ? oldTls : {};
  if ("ca" in tls) return buildConnector({ ...common, ...old, ca: tls.ca });

  // A resumed TLS session carries no peer certificate to compare (Node 24), so none is ever kept.
  const open = buildConnector({ ...common, ...old, rejectUnauthorized: false, maxCachedSessions: 0 });
  const check = async (socket: unknown) => {
    const seen = socket instanceof TLSSocket ? socket.getPeerX509Certificate()?.fingerprint256 : undefined;
    if (seen === undefined) throw wrong(machine, "the BMC showed no certificate");
    const pinned = "pin" in tls ? tls.pin : await tls.pins.get(machine);
    if (pinned === undefined && "pins" in tls) await tls.pins.set(machine, fingerprintOf(seen));
    else if (pinned === undefined || fingerprintOf(pinned) !== fingerprintOf(seen)) {
      throw wrong(machine, `the certificate changed: pinned ${fingerprintOf(pinned ?? "")}, seen ${fingerprintOf(seen)}`);
    }
  };
  return (target, done) =>
    open(target, (error, socket) => {
      if (error || !socket) return done(error ?? new Error("no socket"), null);
      check(socket).then(
        () => done(null, socket),
        (failure: unknown) => {
          socket.destroy();
          done(failure instanceof Error ? failure : new Error(String(failure)), null);
        },
      );
    });
}

function wrong(machine: string, why: string): DeviceError {
  return new DeviceError("LO_BMC_CERTIFICATE", { target: machine, operation: "connect", effect: "none" }, why, {
    hint: "If this BMC got a new certificate, pin its new fingerprint; if not, somebody stands in between",
  });
}
