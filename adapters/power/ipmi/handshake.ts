import { type KeyObject, randomInt } from "node:crypto";
import { agree, deriveKeys, freshBytes, type Suite } from "./algorithms.ts";
import { encodeSetup, type Packet, payloadTypes } from "./packet.ts";
import {
  decodeOpenResponse,
  decodeRakp2,
  decodeRakp4,
  type Exchange,
  encodeOpenRequest,
  encodeRakp,
  encodeRakp1,
  nameOnly,
  rakp2Code,
  rakp3Code,
  rakp4Code,
  sessionIntegrityKey,
} from "./rakp.ts";
import { createSession, type Session } from "./session.ts";
import { type Refused, readStatus } from "./status.ts";
import type { Line } from "./transport.ts";

/** Who logs in. `kg` is the BMC's second key, where one is set. */
export interface Login {
  readonly user: Buffer;
  readonly password: KeyObject;
  readonly kg?: KeyObject;
}

/** Why a set-up came to nothing. `silent`: begin again with new ids. */
export type SetupFailure = { readonly failed: "silent"; readonly phase: "open" | "login" } | Refused;

/**
 * Opens one session: Open Session, RAKP 1 to 4 (IPMI 2.0 §13.15). Each message goes out once with a tag of its own; a lost one
 * ends the attempt, because resending a RAKP message makes some BMCs draw new random numbers.
 *
 * A refusal is not signed: a damaged or doubled datagram brings one about as a wrong password does. So it counts only when nothing better has
 * come by the end of the wait; of several the last one counts.
 */
export async function handshake(options: {
  line: Line;
  login: Login;
  suite: Suite;
  privilege: number;
  waitMs: number;
  signal: AbortSignal;
}): Promise<Session | SetupFailure> {
  const { line, login, suite, privilege, waitMs, signal } = options;
  const { consoleId } = line;
  const role = nameOnly | privilege;
  let lastTag = randomInt(0, 0x80);

  const ask = <T>(
    request: number,
    answer: number,
    payload: (tag: number) => Buffer,
    read: (payload: Buffer, tag: number) => T | undefined,
    holds: (found: T) => boolean,
  ): Promise<{ readonly found: T; readonly held: boolean } | undefined> => {
    lastTag += 1;
    const tag = lastTag;
    let doubtful: T | undefined;
    const pick = (packet: Packet) => {
      if (packet.format !== "2.0" || packet.payloadType !== answer || packet.authenticated) return undefined;
      const found = read(packet.payload, tag);
      if (found === undefined) return undefined;
      if (holds(found)) return { found, held: true };
      doubtful = found;
      return undefined;
    };
    const exchange = line.exchange(() => line.send(encodeSetup(request, payload(tag))), pick, waitMs, signal);
    return exchange.then((best) => best ?? (doubtful === undefined ? undefined : { found: doubtful, held: false }));
  };

  const opened = await ask(
    payloadTypes.openRequest,
    payloadTypes.openResponse,
    (tag) => encodeOpenRequest({ tag, privilege, consoleId, suite }),
    (payload, tag) => decodeOpenResponse(payload, { tag, consoleId }),
    (found) => !("status" in found),
  );
  if (!opened) return { failed: "silent", phase: "open" };
  if ("status" in opened.found) return readStatus(opened.found.status);
  const { bmcId, algorithms } = opened.found;
  const asked = [suite.authentication, suite.integrity, suite.confidentiality];
  if (algorithms.some((number, index) => number !== asked[index])) {
    return { failed: "suite", why: `it answered algorithms ${algorithms.join("/")} to a request for cipher suite ${suite.id}` };
  }

  const consoleRandom = freshBytes(16);
  const exchanged = ({ bmcRandom, guid }: { bmcRandom: Buffer; guid: Buffer }): Exchange => ({
    suite,
    consoleId,
    bmcId,
    consoleRandom,
    bmcRandom,
    guid,
    role,
    user: login.user,
  });
  const two = await ask(
    payloadTypes.rakp1,
    payloadTypes.rakp2,
    (tag) => encodeRakp1({ tag, bmcId, consoleRandom, role, user: login.user }),
    (payload, tag) => decodeRakp2(payload, { tag, consoleId }),
    (found) => !("status" in found) && agree(rakp2Code(exchanged(found), login.password), found.code),
  );
  if (!two) return { failed: "silent", phase: "login" };
  if ("status" in two.found) return readStatus(two.found.status);
  const known = exchanged(two.found);
  if (!two.held) {
    // Tells the BMC to free the half-open slot.
    line.send(encodeSetup(payloadTypes.rakp3, encodeRakp(lastTag + 1, 0x0f, bmcId)));
    // go-ipmi's BMC, for one, keeps to itself which names it knows.
    const hint = "Correct the BMC password, or the user name: some BMCs answer a name that they do not know in the same way";
    return { failed: "auth", why: "the password is wrong", hint };
  }

  const sik = sessionIntegrityKey(known, login.kg ?? login.password);
  const keys = deriveKeys(suite, sik);
  const four = await ask(
    payloadTypes.rakp3,
    payloadTypes.rakp4,
    (tag) => encodeRakp(tag, 0, bmcId, rakp3Code(known, login.password)),
    (payload, tag) => decodeRakp4(payload, { tag, consoleId }),
    (found) => !("status" in found) && agree(rakp4Code(known, keys.sik), found.code),
  );
  if (!four) return { failed: "silent", phase: "login" };
  if ("status" in four.found) {
    const refused = readStatus(four.found.status);
    // RAKP 2 has proven that the BMC knows our password: it took a copy of RAKP 1 for another, and drew new random numbers.
    return refused.failed === "auth" ? { failed: "silent", phase: "login" } : refused;
  }
  if (!four.held) {
    const why = login.kg ? "the password is right and K_g is wrong" : "the password is right, but the BMC has a K_g and none is configured";
    return { failed: "auth", why, hint: "Set the BMC's K_g (the second, BMC-wide key)" };
  }
  return createSession({ line, bmcId, keys, guid: known.guid, privilege });
}
