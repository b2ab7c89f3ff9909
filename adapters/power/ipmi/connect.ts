import { type Clock, DeviceError, type DeviceErrorCode } from "#events";
import { type CipherSuite, suites } from "./algorithms.ts";
import { setSessionPrivilege } from "./commands/app.ts";
import { completionText } from "./completion.ts";
import { handshake, type Login, type SetupFailure } from "./handshake.ts";
import { listSuites } from "./offered.ts";
import type { Session } from "./session.ts";
import { morePrivilege } from "./status.ts";
import { type IpmiTimeouts, waits } from "./timing.ts";
import type { Address, IpmiTransport, Line } from "./transport.ts";

/** Sessions with one BMC, at a privilege: 2 user, 3 operator, 4 administrator. Everything that fails here has effect none. */
export interface Connect {
  /** A new session. It is opened for `role` at least, so that what needs more later can be done in it too. */
  open(operation: string, privilege: number, signal: AbortSignal): Promise<Session>;
  /** Takes an open session up to this privilege if it is not there; false where it went silent, and then it is closed. */
  raise(operation: string, session: Session, privilege: number, signal: AbortSignal): Promise<boolean>;
}

/** What a connection needs to know of its BMC. */
export interface ConnectOptions {
  readonly machine: string;
  readonly host: string;
  readonly port: number;
  readonly login: Login;
  /** What sessions are opened for at least. */
  readonly role: number;
  readonly cipherSuite: CipherSuite | undefined;
  readonly timeouts: IpmiTimeouts;
  readonly clock: Clock;
  readonly transport: IpmiTransport;
  /** Called when the BMC refuses the credentials. */
  rejected(): void;
}

/**
 * Opens sessions with one BMC. The cipher suite is the configured one; else the best the BMC lists, or 17 and then 3 where it
 * lists nothing. A suite that worked once is kept: nothing weaker is taken later.
 */
export function createConnect(options: ConnectOptions): Connect {
  const { machine, host, port, login, role, timeouts, transport } = options;
  let known: CipherSuite | undefined = options.cipherSuite;

  const fail = (operation: string, code: DeviceErrorCode, message: string, hint: string, cause?: unknown) =>
    new DeviceError(code, { target: machine, operation, effect: "none" }, `${host}:${port}: ${message}`, { hint, cause });

  const choices = async (address: Address, signal: AbortSignal): Promise<{ candidates: CipherSuite[]; listed: boolean }> => {
    if (known !== undefined) return { candidates: [known], listed: true };
    const line = await transport.open(address);
    try {
      const list = await listSuites(line, timeouts.packetMs, signal);
      return { candidates: ([17, 3] as const).filter((suite) => list?.includes(suite) ?? true), listed: list !== undefined };
    } finally {
      line.close();
    }
  };

  const attempt = async (line: Line, suite: CipherSuite, privilege: number, waitMs: number, signal: AbortSignal) => {
    let session: Session | SetupFailure | undefined;
    try {
      session = await handshake({ line, login, suite: suites[suite], privilege, waitMs, signal });
      return session;
    } finally {
      if (!session || "failed" in session) line.close();
    }
  };

  const raise: Connect["raise"] = async (operation, session, privilege, signal) => {
    if (session.level >= privilege) return true;
    const { response } = await session.request(setSessionPrivilege(privilege), { waits: waits(timeouts.packetMs, timeouts.tries), signal });
    if (response?.completion === 0) {
      session.raised(privilege);
      return true;
    }
    void session.close([timeouts.packetMs]);
    signal.throwIfAborted();
    if (!response) return false;
    const refused = `the BMC does not give this user privilege level ${privilege}: ${completionText(response.completion)}`;
    throw fail(operation, "LO_BMC_AUTH", refused, morePrivilege);
  };

  const refuse = (operation: string, refused: SetupFailure): DeviceError | undefined => {
    switch (refused.failed) {
      case "auth":
        options.rejected();
        return fail(operation, "LO_BMC_AUTH", refused.why, refused.hint);
      case "privilege":
        return fail(operation, "LO_BMC_AUTH", refused.why, refused.hint);
      case "busy":
        return fail(operation, "LO_BMC_BUSY", refused.why, "Close other sessions with this BMC, or wait a minute");
      case "protocol":
        return fail(operation, "LO_BMC_PROTOCOL", refused.why, "Update the BMC's firmware, or use Redfish");
      default:
        return undefined;
    }
  };

  const setUp: Connect["open"] = async (operation, privilege, signal) => {
    const address = await transport.resolve(host, port).catch((error: unknown) => {
      throw fail(operation, "LO_BMC_UNREACHABLE", "the name does not resolve", "Check the BMC address", error);
    });
    const { candidates, listed } = await choices(address, signal);
    let refusal = "it lists neither suite 17 nor suite 3";
    for (const [round, waitMs] of waits(timeouts.packetMs, timeouts.setupTries).entries()) {
      let silent = false;
      while (!silent) {
        const suite = candidates[0];
        if (suite === undefined) {
          throw fail(
            operation,
            "LO_BMC_PROTOCOL",
            `no cipher suite in common: ${refusal}`,
            "Enable suite 17 or 3 on the BMC, or use Redfish",
          );
        }
        // pyghmi's BMC, which VirtualBMC's is too, is deaf to a second login from the port of the first.
        const line = await transport.open(address, round > 0);
        const result = await attempt(line, suite, Math.max(role, privilege), waitMs, signal);
        if (!("failed" in result)) {
          if (await raise(operation, result, privilege, signal)) {
            known = suite;
            return result;
          }
          silent = true;
        } else if (result.failed === "suite") {
          refusal = result.why;
          candidates.shift();
        } else {
          const error = refuse(operation, result);
          if (error) throw error;
          silent = true;
          // Some BMCs say nothing to a suite they do not know.
          if (!listed && result.failed === "silent" && result.phase === "open") candidates.push(...candidates.splice(0, 1));
        }
      }
    }
    throw fail(
      operation,
      "LO_BMC_UNREACHABLE",
      "no answer to IPMI over LAN",
      "Check address and network; current BMCs ship with IPMI over LAN turned off: enable it, or use Redfish",
    );
  };

  return {
    raise,
    async open(operation, privilege, signal) {
      try {
        return await setUp(operation, privilege, signal);
      } catch (error) {
        if (error instanceof DeviceError || signal.aborted) throw error;
        throw fail(
          operation,
          "LO_BMC_UNREACHABLE",
          "the UDP socket cannot be used",
          "Check this host's network and its limit of open files",
          error,
        );
      }
    },
  };
}
