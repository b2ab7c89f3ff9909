import { z } from "zod";
import { isLoopback } from "#adapters/http/loopback.ts";
import { listen } from "./address.ts";
import { section } from "./section.ts";
import { choice, like, Refused, text, value } from "./value.ts";

// Digests of nothing: what is left when the command that makes a token failed.
const ofNothing = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "01ba4719c80b6fe911b091a7c05124b64eeece964e09c058ef8f9805daca546b",
];

const makeToken = "openssl rand -hex 32 | tr -d '\\n' > token; sha256sum < token";

const sha256 = value(
  "the SHA-256 of a token",
  (given) => {
    const digest = given.toLowerCase();
    if (ofNothing.includes(digest)) return new Refused("is the SHA-256 of an empty text", `Make a token and its digest with: ${makeToken}`);
    if (/^[0-9a-f]{64}$/.test(digest) && !/^(.)\1+$/.test(digest)) return digest;
    return new Refused("is not a SHA-256 digest", `Make a token and its digest with: ${makeToken}`);
  },
  like(/^[0-9A-Fa-f]{64}$/),
);

/** What a token may do: look, run and approve, or change how Lightsout works. */
const token = section({
  name: text("who or what uses the token").describe("Who or what uses the token."),
  role: choice(["viewer", "operator", "admin"]).describe("viewer looks; operator also runs, holds and approves; admin also changes trust."),
  sha256: sha256.describe("SHA-256 of the token, 64 hexadecimal digits."),
});

/** `http`: where the API listens, and who may use them. Listening to others demands tokens. */
export const http = section({
  listen: listen.prefault("127.0.0.1:7480").describe("Host and port of the API; beyond loopback it needs tokens."),
  tokens: z.array(token).default([]).describe("Who may use the API; with none, whoever is on this machine."),
}).superRefine((given, context) => {
  const add = (path: (string | number)[], message: string, fix: string) =>
    context.addIssue({ code: "custom", message, params: { fix }, path, input: undefined });
  if (!isLoopback(given.listen.host) && given.tokens.length === 0) {
    add(
      ["listen"],
      `${given.listen.host} is reachable from outside, and there are no tokens`,
      `Make one with: ${makeToken} and give its digest as http.tokens: [{name: me, role: admin, sha256: <digest>}]; or listen on 127.0.0.1:${given.listen.port}`,
    );
  }
  for (const key of ["name", "sha256"] as const) {
    for (const [index, one] of given.tokens.entries()) {
      const first = given.tokens.findIndex((other) => other[key] === one[key]);
      if (first !== index) add(["tokens", index, key], `Token ${given.tokens[first]?.name} has the same ${key}`, "Give each token its own");
    }
  }
});
