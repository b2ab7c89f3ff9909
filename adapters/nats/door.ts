import type { Msg } from "@nats-io/transport-node";
import { explain, LightsoutError } from "#events";
import type { NatsAddress } from "./dial.ts";
import type { Knock } from "./envelope.ts";
import { parseKnock } from "./envelope.ts";
import { openLink } from "./link.ts";
import { checkSite, doorSubject } from "./names.ts";

export type { Knock } from "./envelope.ts";

/** What became of an event: which runs it started, or why it was not taken. This is also the JSON that a request is answered with. */
export type DoorAnswer = { readonly accepted: true; readonly runs: readonly string[] } | { readonly accepted: false; readonly why: string };

export interface DoorOptions extends NatsAddress {
  readonly site: string;
  /** Checks an event and stores it durably before it resolves. A rejection means that it may be sent again. */
  accept(type: string, key: string, body: Knock["body"], origin?: Knock["origin"]): Promise<DoorAnswer>;
  /** Told what was not taken, for the dead letters: the subject, why, and the message as text (at most 64 KiB of it). */
  reject(subject: string, why: string, body: string): void;
}

/** The open door. */
export interface Door {
  /** Stops listening; what was taken is answered first. */
  close(): Promise<void>;
}

const KEPT_OF_REFUSED = 64 * 1024;

/**
 * Lets anybody with access to the NATS account publish events on `lightsout.<site>.in.>`: plain JSON on `…in.<type>[.<key>]`
 * (tokens as `encodeToken` writes them), or CloudEvents. Workers share the messages; each goes to one.
 *
 * A request is answered with a `DoorAnswer`, and "accepted" means stored. A plain publish is taken just the same, but the door is not
 * a stream: **while no worker listens a plain publish is lost, silently.** Who must know uses a request: with nobody listening it
 * fails at once with "no responders", and can be sent again (with the same CloudEvents source and id, it counts once).
 */
export async function openDoor(options: DoorOptions): Promise<Door> {
  const { site, accept, reject } = options;
  checkSite(site);
  const link = await openLink(options, `lightsout-${site}-door`);
  const door = doorSubject(site);
  const open = new Set<Promise<void>>();

  async function answer(message: Msg): Promise<DoorAnswer> {
    const parsed = parseKnock(door, message);
    if ("why" in parsed) return { accepted: false, why: parsed.why };
    const { type, key, body, origin } = parsed.knock;
    return accept(type, key, body, origin);
  }

  async function take(message: Msg): Promise<void> {
    let said: DoorAnswer;
    try {
      said = await answer(message);
      if (!said.accepted) reject(message.subject, said.why, new TextDecoder().decode(message.data.subarray(0, KEPT_OF_REFUSED)));
    } catch (error) {
      said = { accepted: false, why: `not stored, send it again: ${explain(error)}` };
    }
    if (!link.nc.isClosed()) message.respond(JSON.stringify(said));
  }

  const subscriptions = [door, `${door}.>`].map((subject) =>
    link.nc.subscribe(subject, {
      queue: "lightsout",
      callback(error, message) {
        if (error) return;
        const taking = take(message).finally(() => open.delete(taking));
        open.add(taking);
      },
    }),
  );
  await link.nc.flush().catch((cause: unknown) => {
    throw new LightsoutError("LO_STORE_UNREACHABLE", `${link.where}: the open door could not be subscribed`, { cause });
  });
  return {
    async close() {
      await Promise.all(subscriptions.map((subscription) => subscription.drain().catch(() => {})));
      await Promise.all(open);
      await link.close();
    },
  };
}
