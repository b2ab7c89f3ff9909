import { parse } from "yaml";

/** Reading what a machine sent: every function takes anything, and none of them throws. */

export type Spec = Readonly<Record<string, unknown>>;

/** The YAML of a resource's spec as an object; `undefined` for everything else. */
export function parseSpec(yaml: string): Spec | undefined {
  try {
    // No aliases: a few lines of them can stand for gigabytes. Every scalar stays the text it is: a serial may look like a number.
    return record(parse(yaml, { maxAliasCount: 0, logLevel: "error", schema: "failsafe" }));
  } catch {
    return undefined;
  }
}

export function record(value: unknown): Spec | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Spec) : undefined;
}

/** A string that is not blank, trimmed. */
export function text(value: unknown): string | undefined {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

export function strings(value: unknown): readonly string[] {
  return items(value).flatMap((one) => text(one) ?? []);
}

export function items(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export const flag = (value: unknown): boolean => text(value) === "true";

/** A count or a size: a finite number of at least 0; otherwise 0. */
export function amount(value: unknown): number {
  const number = Number(text(value) ?? 0);
  return Number.isFinite(number) && number > 0 ? number : 0;
}

/** `part` with every empty member left out, as optional properties want it. */
export function present<T extends Record<string, unknown>>(part: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
