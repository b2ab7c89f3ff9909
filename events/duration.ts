import { LightsoutError } from "./errors.ts";

/** A length of time as people write it: `"500ms"`, `"90s"`, `"5m"`, `"6h"`, `"7d"`. */
export type Duration = `${number}${"ms" | "s" | "m" | "h" | "d"}`;

const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
/** How a duration is written. */
export const durationPattern = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/;

/** Whether `text` is a duration. */
export const isDuration = (text: string): text is Duration => durationPattern.test(text);

/** Milliseconds of a duration. Throws `LO_DURATION` naming the text. */
export function milliseconds(duration: Duration): number {
  const match = durationPattern.exec(duration);
  if (!match) throw new LightsoutError("LO_DURATION", `"${duration}" is not a duration`, { hint: 'Write it like "90s", "5m" or "2h"' });
  return Number(match[1]) * unit[match[2] as keyof typeof unit];
}

/** Milliseconds as a person reads them: `"2m 5s"`. */
export function humanDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)}ms`;
  const seconds = Math.round(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor((seconds % 86_400) / 3600), "h"],
    [Math.floor((seconds % 3600) / 60), "m"],
    [seconds % 60, "s"],
  ] as const;
  const shown = parts.filter(([count]) => count > 0).slice(0, 2);
  return shown.map(([count, name]) => `${count}${name}`).join(" ");
}
