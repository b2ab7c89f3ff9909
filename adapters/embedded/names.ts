import { LightsoutError } from "#events";

/** Refuses a subject or key whose tokens were not encoded, so that both stores refuse the same names. */
export function checkName(name: string): void {
  if (/^[A-Za-z0-9_=-]+(\.[A-Za-z0-9_=-]+)*$/.test(name)) return;
  throw new LightsoutError("LO_STORE_NAME", `${JSON.stringify(name)} is not a subject or key`, {
    hint: "Encode every token with encodeToken",
  });
}
