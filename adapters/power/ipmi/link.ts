import { type Clock, DeviceError } from "#events";
import { createGovernor } from "../governor.ts";
import { type ConnectOptions, createConnect } from "./connect.ts";
import type { Session } from "./session.ts";
import { createTalk, SessionLost, type Talk } from "./talk.ts";
import { waits } from "./timing.ts";

const newSessions = 2;
// One for all: an error of its own for each link would cost a stack.
const closed = new Error("closed");

/** One BMC: one conversation at a time, in one session that is kept while it is young. */
export interface Link {
  /**
   * Runs `work` in a session of at least `privilege`. When the session goes silent before anything effectful was sent, `work` runs
   * again from its beginning in a new one.
   */
  use<T>(operation: string, privilege: number, signal: AbortSignal | undefined, work: (talk: Talk) => Promise<T>): Promise<T>;
  /**
   * As `use`, for what changes the machine. Its session is closed before it resolves or rejects: a copy of the request that the network kept
   * must find nobody to carry it out, when the machine may have been switched the other way. Within a session a BMC need not notice:
   * OpenIPMI's `ipmi_sim` takes every sequence number from 16 behind the newest to 15 ahead of it.
   */
  act<T>(operation: string, privilege: number, signal: AbortSignal | undefined, work: (talk: Talk) => Promise<T>): Promise<T>;
  /** For a conversation that ended its session by what it asked for: the next one begins in a new session. */
  forget(): void;
  /** Ends what is running, closes the session; everything after that is refused with effect none. */
  close(): Promise<void>;
}

/** A link that connects on first use. `spacingMs`: least pause between two conversations. */
export function createLink(options: Omit<ConnectOptions, "rejected"> & { spacingMs: number }): Link {
  const { machine, host, port, timeouts, spacingMs, transport } = options;
  const clock: Clock = options.clock;
  const governor = createGovernor({ machine, clock, spacingMs });
  const connect = createConnect({ ...options, rejected: () => governor.rejected() });
  const closing = new AbortController();
  let session: Session | undefined;
  let usedAt = 0;
  let notIdle: (() => void) | undefined;

  const drop = (tries = 1): Promise<void> => {
    const old = session;
    session = undefined;
    return old?.close(waits(timeouts.packetMs, tries)) ?? Promise.resolve();
  };

  const current = async (operation: string, privilege: number, signal: AbortSignal): Promise<Session> => {
    const stale = clock.mono() - usedAt > timeouts.idleMs;
    if (session && !stale && session.privilege >= privilege) {
      const kept = session;
      // One that cannot be raised is closed, and must not be found here again.
      session = undefined;
      if (await connect.raise(operation, kept, privilege, signal)) {
        session = kept;
        return kept;
      }
    }
    void drop();
    session = await connect.open(operation, privilege, signal);
    return session;
  };

  const used = () => {
    notIdle?.();
    notIdle = undefined;
  };

  const closeWhenIdle = () => {
    used();
    if (!session || closing.signal.aborted) return;
    const mine = transport.after(timeouts.idleMs, () => {
      governor.turn("close idle session", () => (notIdle === mine ? drop() : Promise.resolve())).catch(() => undefined);
    });
    notIdle = mine;
  };

  const converse = async <T>(operation: string, privilege: number, signal: AbortSignal, work: (talk: Talk) => Promise<T>): Promise<T> => {
    for (let round = 0; ; round += 1) {
      const fresh = await current(operation, privilege, signal);
      try {
        const result = await work(createTalk({ machine, operation, session: fresh, signal, timeouts, clock }));
        usedAt = clock.mono();
        return result;
      } catch (error) {
        // A caller that gives up sooner than the silence is proven must not keep a dead session young for the next one.
        const silent = signal.aborted || error instanceof SessionLost || (error instanceof DeviceError && error.code === "LO_BMC_TIMEOUT");
        if (silent) void drop();
        else usedAt = clock.mono();
        if (!(error instanceof SessionLost)) throw error;
        if (round < newSessions) continue;
        const about = { target: machine, operation, effect: "none" } as const;
        throw new DeviceError("LO_BMC_TIMEOUT", about, `${host}:${port}: ${error.message}, in ${newSessions + 1} sessions`, {
          hint: "Look for packet loss on the way to the BMC",
        });
      }
    }
  };

  const givenUp = (operation: string, signal: AbortSignal) => {
    const ended = closing.signal.aborted;
    const about = { target: machine, operation, effect: "none" } as const;
    const message = ended ? `${host}:${port}: the connection was closed` : `${host}:${port}: given up`;
    return new DeviceError(ended ? "LO_BMC_UNREACHABLE" : "LO_BMC_TIMEOUT", about, message, { cause: signal.reason });
  };

  const turn = <T>(
    operation: string,
    privilege: number,
    asked: AbortSignal | undefined,
    work: (talk: Talk) => Promise<T>,
    afterwards: () => unknown,
  ): Promise<T> => {
    const signal = asked ? AbortSignal.any([asked, closing.signal]) : closing.signal;
    return governor.turn(operation, async () => {
      if (signal.aborted) throw givenUp(operation, signal);
      used();
      try {
        return await converse(operation, privilege, signal, work);
      } catch (error) {
        throw signal.aborted && !(error instanceof DeviceError) ? givenUp(operation, signal) : error;
      } finally {
        await afterwards();
      }
    });
  };

  return {
    use: (operation, privilege, signal, work) => turn(operation, privilege, signal, work, closeWhenIdle),
    act: (operation, privilege, signal, work) => turn(operation, privilege, signal, work, () => drop(timeouts.tries)),
    forget: () => void drop(),
    async close() {
      closing.abort(closed);
      used();
      await governor.turn("close", () => drop()).catch(() => drop());
    },
  };
}
