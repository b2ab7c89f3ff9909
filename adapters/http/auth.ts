import { timingSafeEqual } from "node:crypto";
import { ProblemError } from "./problem.ts";
import { tokenDigest } from "./token.ts";

/** What a token may do: look; run, hold and approve; or change how much Lightsout may do. Each includes the one before. */
export type Role = "viewer" | "operator" | "admin";

/** A token of the configuration. */
export interface Token {
  readonly name: string;
  readonly role: Role;
  /** Of the token's text, hexadecimal. */
  readonly sha256: string;
}

/** Who asks. */
export interface Who {
  readonly name: string;
  readonly role: Role;
}

const rank: Readonly<Record<Role, number>> = { viewer: 0, operator: 1, admin: 2 };
const how = "Send the header: Authorization: Bearer <token>";

/** Finds out who asks, from the `Authorization` header. Without tokens everybody is `local` and may do everything. */
export function createDoorkeeper(tokens: readonly Token[]): (authorization: string | null) => Who {
  const known = tokens.map(({ name, role, sha256 }) => ({ name, role, digest: Buffer.from(sha256, "hex") }));
  return (authorization) => {
    if (known.length === 0) return { name: "local", role: "admin" };
    if (authorization === null) throw unauthorized("This needs a token", "");
    const given = /^bearer +([\x21-\x7e]+)$/i.exec(authorization)?.[1];
    const digest = Buffer.from(tokenDigest(given ?? ""), "hex");
    // All are compared, so that the time taken says nothing about which one came close.
    const mine = known.filter((token) => token.digest.length === digest.length && timingSafeEqual(token.digest, digest))[0];
    if (given === undefined || !mine) throw unauthorized("The token is not one of http.tokens", ', error="invalid_token"');
    return { name: mine.name, role: mine.role };
  };
}

/** Throws `LO_HTTP_FORBIDDEN` unless the role reaches `needed`. */
export function demand(who: Who, needed: Role, what: string): void {
  if (rank[who.role] >= rank[needed]) return;
  throw new ProblemError(403, "LO_HTTP_FORBIDDEN", `${what} needs the role ${needed}; the token ${who.name} is a ${who.role}`, {
    hint: `Use a token whose role in http.tokens is ${needed}${needed === "admin" ? "" : " or higher"}`,
  });
}

const unauthorized = (detail: string, extra: string) =>
  new ProblemError(401, "LO_HTTP_UNAUTHORIZED", detail, {
    hint: how,
    headers: { "www-authenticate": `Bearer realm="lightsout"${extra}` },
  });
