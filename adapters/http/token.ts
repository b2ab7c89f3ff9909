import { createHash, randomBytes } from "node:crypto";

/** The SHA-256 of a token as 64 lower-case hexadecimal digits: what the configuration keeps instead of the token. */
export const tokenDigest = (token: string): string => createHash("sha256").update(token, "utf8").digest("hex");

/** A new token of 256 random bits, and the digest that goes into `http.tokens` of the configuration. The token is kept nowhere. */
export function createToken(): { readonly token: string; readonly sha256: string } {
  const token = `lo_${randomBytes(32).toString("base64url")}`;
  return { token, sha256: tokenDigest(token) };
}
