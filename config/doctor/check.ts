import type { Check } from "#adapters/cli/mod.ts";
import { humanDuration, LightsoutError } from "#events";

/** A check before it is known what it belongs to. */
export type Finding = Omit<Check, "subject">;

export const ok = (name: string, seen: string): Finding => ({ name, result: "ok", seen });
export const warning = (name: string, seen: string, todo: string): Finding => ({ name, result: "warning", seen, todo });
export const failure = (name: string, seen: string, todo: string): Finding => ({ name, result: "failure", seen, todo });

/** What was thrown, with its own advice. */
export function broken(name: string, error: unknown): Finding {
  const seen = error instanceof Error ? error.message : String(error);
  const hint = error instanceof LightsoutError ? error.hint : undefined;
  return { name, result: "failure", seen, ...(hint !== undefined && { todo: hint }) };
}

/** What work answers, or what became of it: it is never waited for longer than `withinMs`, and never throws. */
export async function attended<Found>(
  withinMs: number,
  work: (signal: AbortSignal) => Promise<Found>,
): Promise<{ readonly found: Found } | { readonly error: unknown }> {
  const signal = AbortSignal.timeout(withinMs);
  try {
    // Not all work listens to a signal.
    const over = new Promise<never>((_, reject) => {
      const late = () => reject(new LightsoutError("LO_DOCTOR_LATE", `no answer within ${humanDuration(withinMs)}`));
      signal.addEventListener("abort", () => setTimeout(late, Math.min(1000, withinMs)), { once: true });
    });
    return { found: await Promise.race([work(signal), over]) };
  } catch (error) {
    return { error };
  }
}

/** The findings of one piece of work; where it fails or hangs that is the finding. */
export async function findings(name: string, withinMs: number, work: (signal: AbortSignal) => Promise<readonly Finding[]>) {
  const done = await attended(withinMs, work);
  return "found" in done ? done.found : [broken(name, done.error)];
}

const day = 86_400_000;

/** Whether a certificate or token still holds, and for long enough to renew it calmly. */
export function judgeExpiry(name: string, what: string, expiresAt: number, now: number, renew: string): Finding {
  const date = new Date(expiresAt).toISOString().slice(0, 10);
  if (expiresAt <= now) return failure(name, `${what} expired on ${date}`, renew);
  const days = Math.floor((expiresAt - now) / day);
  if (days < 30) return warning(name, `${what} expires on ${date}, in ${days} day${days === 1 ? "" : "s"}`, renew);
  return ok(name, `${what} holds until ${date}`);
}

const apart = 120_000;

/** Compares another clock with ours. */
export function judgeClock(whose: string, at: number, now: number): Finding {
  const off = at - now;
  if (Math.abs(off) <= apart) return ok("clock", `${whose} and this host agree`);
  const seen = `${whose} is ${humanDuration(Math.abs(off))} ${off > 0 ? "ahead of" : "behind"} this host`;
  return warning("clock", seen, "Set both by NTP: certificates and evidence are judged by these clocks");
}

export const MiB = 2 ** 20;
/** Bytes as a person reads them. */
export const room = (bytes: number) =>
  bytes < 10_240 * MiB ? `${Math.floor(bytes / MiB)} MiB` : `${Math.floor(bytes / (1024 * MiB))} GiB`;
