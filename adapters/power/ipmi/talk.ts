import { type Clock, DeviceError, type DeviceErrorCode, type Effect, GateClosedError, type Permit, UnsupportedError } from "#events";
import type { Command } from "./commands/command.ts";
import { completionText, isBusy, mayHaveActed, unknownCommand, wrongState } from "./completion.ts";
import type { Session } from "./session.ts";
import { type IpmiTimeouts, waits } from "./timing.ts";

/** The session went silent before anything effectful was sent: the whole conversation may be had again in a new one. */
export class SessionLost extends Error {}

/** What a read came to: its value, or the completion code it was refused with. */
type Reply<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly completion: number };

/** What a write came to. `wrongState`: refused with D5. `sent` > 1: an earlier copy may have been executed. */
interface Written {
  readonly wrongState: boolean;
  readonly sent: number;
  readonly answer: string;
}

/** One conversation in one session: reads first, then at most one kind of write. */
export interface Talk {
  readonly session: Session;
  readonly signal: AbortSignal;
  /** Repeats until it is answered; asks a busy BMC again after a pause. Throws `SessionLost` on silence. */
  ask<T>(command: Command<T>): Promise<Reply<T>>;
  /** As `ask`, where every refusal is a failure: `LO_BMC_REFUSED`, effect none. */
  need<T>(command: Command<T>): Promise<T>;
  /**
   * Sends an effectful request right behind the permit's gate. With `repeatable` it may go out again, behind the gate again.
   * Silence is `LO_BMC_TIMEOUT` with effect unknown; a refusal after which nothing can have happened has effect none; a command that
   * the BMC does not have is an `UnsupportedError`.
   */
  write(command: Command<true>, permit: Permit, how: { repeatable: boolean; optional?: boolean }): Promise<Written>;
  fail(code: DeviceErrorCode, effect: Effect, message: string, hint?: string, cause?: unknown): DeviceError;
}

/** A conversation named `operation` in `session`; `operation` stands in every error. */
export function createTalk(options: {
  machine: string;
  operation: string;
  session: Session;
  signal: AbortSignal;
  timeouts: IpmiTimeouts;
  clock: Clock;
}): Talk {
  const { machine, operation, session, signal, timeouts, clock } = options;
  let wrote = false;

  const fail: Talk["fail"] = (code, effect, message, hint, cause) =>
    new DeviceError(code, { target: machine, operation, effect }, message, { ...(hint !== undefined && { hint }), cause });

  const once = async <T>(command: Command<T>): Promise<Reply<T>> => {
    const { response, sent } = await session.request(command, { waits: waits(timeouts.packetMs, timeouts.tries), signal });
    if (!response) {
      if (wrote)
        throw fail(
          "LO_BMC_TIMEOUT",
          "unknown",
          `${command.name} after the write was not answered`,
          "Read the machine's state before anything else",
        );
      if (signal.aborted) throw signal.reason;
      throw new SessionLost(`${command.name}: no answer to ${sent} packets`);
    }
    if (response.completion !== 0) return { ok: false, completion: response.completion };
    const value = command.parse(response.data);
    if (value === undefined) {
      throw fail(
        "LO_BMC_PROTOCOL",
        wrote ? "unknown" : "none",
        `the answer to ${command.name} makes no sense: ${response.data.toString("hex")}`,
        "Update the BMC's firmware, or use Redfish",
      );
    }
    return { ok: true, value };
  };

  const talk: Talk = {
    session,
    signal,
    fail,
    async ask(command) {
      for (let attempt = 1; ; attempt += 1) {
        const reply = await once(command);
        if (reply.ok || !isBusy(reply.completion)) return reply;
        if (attempt >= timeouts.busyTries) {
          throw fail(
            "LO_BMC_BUSY",
            wrote ? "unknown" : "none",
            `${command.name}: ${completionText(reply.completion)}`,
            "Wait until the BMC has settled",
          );
        }
        await clock.sleep(timeouts.busyMs, signal);
      }
    },
    async need(command) {
      const reply = await talk.ask(command);
      if (reply.ok) return reply.value;
      throw fail("LO_BMC_REFUSED", wrote ? "unknown" : "none", `${command.name}: ${completionText(reply.completion)}`);
    },
    async write(command, permit, { repeatable, optional = false }) {
      const before = wrote;
      const gate = () => {
        permit.gate();
        wrote = true;
      };
      const pauses = repeatable ? waits(timeouts.packetMs, timeouts.tries) : [timeouts.onceMs];
      const { response, sent } = await session.request(command, { waits: pauses, signal, gate }).catch((error: unknown) => {
        // Nothing of this request left; an earlier, lesser one of the same act may have.
        if (before)
          throw fail("LO_BMC_TIMEOUT", "unknown", `${command.name} was not sent any more, what goes before it was`, undefined, error);
        throw error instanceof DeviceError
          ? error
          : new GateClosedError(machine, operation, "the act's time was over before anything was sent");
      });
      if (!response) {
        throw fail(
          "LO_BMC_TIMEOUT",
          "unknown",
          `${command.name} went out (${sent} packets) and was not answered`,
          "Read the machine's state before anything else",
        );
      }
      const answer = `${command.name}: ${completionText(response.completion)}`;
      const state = response.completion === wrongState;
      if (response.completion === 0 || state || optional) return { wrongState: state, sent, answer };
      // IPMI leaves commands open to a BMC, Cold Reset among them, and only asking shows which are there.
      if (response.completion === unknownCommand && !before && sent === 1) throw new UnsupportedError(machine, operation, answer);
      const effect: Effect = before || sent > 1 || mayHaveActed(response.completion) ? "unknown" : "none";
      throw fail(isBusy(response.completion) ? "LO_BMC_BUSY" : "LO_BMC_REFUSED", effect, answer);
    },
  };
  return talk;
}
