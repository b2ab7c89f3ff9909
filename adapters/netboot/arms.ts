import { randomBytes, timingSafeEqual } from "node:crypto";
import { type Clock, canonical, type Duration, encodeToken, type Json, type Kv, LightsoutError, milliseconds, RefusedError } from "#events";
import type { Arm, Arms, BootProfile, Evidence, Stage, Taken } from "./port.ts";
import { checkProfile } from "./profile.ts";

/** An arm as it is stored: with what must not leave this file. */
interface Stored extends Arm {
  /** Gone once it opens nothing more. */
  readonly token?: string;
  /** Who the configuration was handed to, and when first. */
  readonly peer?: string;
  readonly takenAt?: number;
}

/** What a record becomes, and what the caller is told. Without `next` the record stays as it is. */
interface Decision<T> {
  readonly next?: Stored;
  readonly answer: T;
}

const attempts = 64;
const evidenceKept = 32;

/**
 * Arms as records of the bucket `arms`, each changed by compare-and-set, so that any number of workers and boot servers share them.
 *
 * @param options.retryWithin how long the address that took a configuration may ask again; default 4 minutes, since Talos gives an attempt 3
 */
export function createArms(options: { kv: Kv; clock: Clock; retryWithin?: Duration }): Arms {
  const { kv, clock } = options;
  const retryMs = milliseconds(options.retryWithin ?? "4m");

  const read = async (machine: string) => {
    const entry = await kv.get("arms", encodeToken(machine));
    return entry && (entry.value as unknown as Stored);
  };

  async function change<T>(machine: string, decide: (now: Stored | undefined) => Decision<T>): Promise<T> {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const entry = await kv.get("arms", encodeToken(machine));
      const { next, answer } = decide(entry && (entry.value as unknown as Stored));
      if (!next) return answer;
      if ((await kv.put("arms", encodeToken(machine), next as unknown as Json, entry?.revision ?? 0)) !== undefined) return answer;
    }
    throw new LightsoutError("LO_CONTENTION", `The arm of ${machine} could not be changed: too many writers at once`);
  }

  const noted = (stored: Stored, stage: Stage, detail: string): Stored => ({
    ...stored,
    evidence: [...stored.evidence, { stage, at: clock.now(), detail } satisfies Evidence].slice(-evidenceKept),
  });
  const isOpen = (stored: Stored) => (stored.state === "armed" || stored.state === "taken") && clock.now() < stored.expires;
  const offers = (stored: Stored | undefined): stored is Stored & { token: string } =>
    stored?.state === "armed" && stored.token !== undefined && isOpen(stored);
  const opens = (stored: Stored | undefined, token: string): stored is Stored & { token: string } =>
    stored?.token !== undefined && equal(stored.token, token);

  return {
    async arm(machine, { run, profile, within }) {
      checkProfile(machine, profile);
      const token = newToken(machine);
      return change(machine, (now) => {
        if (now && now.run !== run && isOpen(now)) throw armedByAnother(now);
        if (now?.run === run) {
          if (now.state !== "armed") throw spent(now);
          if (offers(now) && sameProfile(now.profile, profile)) return { answer: now.token };
          if (offers(now)) throw armedByAnother(now);
        }
        const expires = clock.now() + milliseconds(within);
        const fresh: Stored = { machine, run, profile, state: "armed", wiping: profile.wipe === true, expires, evidence: [], token };
        return { next: noted(fresh, "armed", `until ${new Date(expires).toISOString()}`), answer: token };
      });
    },
    async of(machine) {
      const stored = await read(machine);
      return stored && shown(stored);
    },
    all: async () => (await kv.list("arms")).map((entry) => shown(entry.value as unknown as Stored)),
    script: (machine) =>
      change(machine, (now) => {
        if (!offers(now)) return { answer: undefined };
        const next = noted(now, "script-fetched", now.wiping ? "to wipe" : "to install");
        return { next, answer: { arm: shown(next), token: now.token } };
      }),
    async open(token) {
      const stored = await read(machineOf(token));
      return opens(stored, token) && offers(stored) ? shown(stored) : undefined;
    },
    async owner(token) {
      const stored = await read(machineOf(token));
      return opens(stored, token) && isOpen(stored) ? { machine: stored.machine, run: stored.run } : undefined;
    },
    sent: (token, stage, detail) =>
      change(machineOf(token), (now) => {
        if (!opens(now, token) || !offers(now)) return { answer: undefined };
        const next = noted(now, stage, detail);
        return { next: stage === "initramfs-sent" ? { ...next, wiping: false } : next, answer: undefined };
      }),
    take: (token, peer) =>
      change<Taken>(machineOf(token), (now) => {
        const why = opens(now, token) ? refusal(now, peer, isOpen(now), clock.now(), retryMs) : "the token opens nothing";
        if (!now || why !== undefined) return { answer: { ok: false, why: why ?? "the token opens nothing" } };
        const next: Stored = noted({ ...now, state: "taken", peer, takenAt: now.takenAt ?? clock.now() }, "config-sent", `to ${peer}`);
        return { next, answer: { ok: true, arm: shown(next) } };
      }),
    consume: (machine, run, proof) =>
      change(machine, (now) => {
        if (now?.run !== run || (now.state !== "taken" && now.state !== "armed")) return { answer: false };
        return { next: noted(closed(now, "consumed"), "consumed", proof), answer: true };
      }),
    disarm: (machine, { run, why }) =>
      change<Arm | undefined>(machine, (now) => {
        const leave = !now || now.state === "consumed" || now.state === "disarmed" || (run !== undefined && now.run !== run);
        if (leave) return { answer: now && shown(now) };
        const next = noted(closed(now, "disarmed"), "disarmed", why);
        return { next, answer: shown(next) };
      }),
  };
}

/** Why a configuration is not handed out to this peer. */
function refusal(now: Stored, peer: string, open: boolean, at: number, retryMs: number): string | undefined {
  if (!open) return "the arm has expired";
  if (now.wiping) return "the machine was to wipe its disk first";
  if (now.takenAt === undefined) return undefined;
  if (now.peer !== peer) return `another address took it before (${now.peer})`;
  return at - now.takenAt > retryMs ? "it was handed out before" : undefined;
}

/** An arm that opens nothing any more keeps no token. */
function closed(now: Stored, state: "consumed" | "disarmed"): Stored {
  const { token: _, ...rest } = now;
  return { ...rest, state };
}

const shown = ({ machine, run, profile, state, wiping, expires, evidence }: Stored): Arm => ({
  machine,
  run,
  profile,
  state,
  wiping,
  expires,
  evidence,
});

/** The machine's name leads, so that a token is found without searching; 192 random bits follow. */
const newToken = (machine: string) => `${Buffer.from(machine).toString("base64url")}.${randomBytes(24).toString("base64url")}`;
const machineOf = (token: string) => Buffer.from(token.split(".")[0] ?? "", "base64url").toString("utf8");

function equal(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

const sameProfile = (a: BootProfile, b: BootProfile) => canonical(a) === canonical(b);

function armedByAnother(now: Stored): RefusedError {
  const until = new Date(now.expires).toISOString();
  return new RefusedError(`${now.machine} is armed already, by run ${now.run} for ${now.profile.kernel}, until ${until}`, {
    code: "LO_ARMED",
    hint: "Let that run end, or disarm the machine",
  });
}

function spent(now: Stored): RefusedError {
  const last = now.evidence.at(-1);
  const what = now.state === "taken" ? "its configuration was handed out" : `it is ${now.state} (${last?.detail ?? "no reason kept"})`;
  return new RefusedError(`The arm of ${now.machine} for run ${now.run} is used up: ${what}`, {
    code: "LO_ARM_SPENT",
    hint: "A run arms a machine once; look at the machine, then start a new run",
  });
}
