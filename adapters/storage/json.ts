/** The value under these keys of what somebody else wrote; `undefined` where there is none. Own properties only, and never a throw. */
export function field(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, key) =>
      typeof found === "object" && found !== null && Object.hasOwn(found, key)
        ? (found as Readonly<Record<string, unknown>>)[key]
        : undefined,
    value,
  );
}

/** As a word for people. */
export const word = (value: unknown): string => (typeof value === "string" && value !== "" ? value : "nothing");
