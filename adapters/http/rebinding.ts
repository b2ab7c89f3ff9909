import { ProblemError } from "./problem.ts";

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d{1,5})?$/;

/**
 * Keeps web pages out while no token is asked for: a page may resolve its own name to 127.0.0.1 (DNS rebinding) or post here from
 * another origin. Throws `LO_HTTP_HOST` unless the `Host` is a loopback name, and `LO_HTTP_ORIGIN` for a page that is not our own.
 */
export function guardLoopback(host: string, origin: string | null): void {
  const name = host.toLowerCase();
  if (!loopback.test(name)) {
    throw new ProblemError(421, "LO_HTTP_HOST", `Host "${host}" is not this machine's loopback, and no tokens are configured`, {
      hint: "Ask for http://127.0.0.1 or http://localhost; to be reached by another name, give http.tokens",
    });
  }
  if (origin !== null && origin.toLowerCase() !== `http://${name}`) {
    throw new ProblemError(403, "LO_HTTP_ORIGIN", `A web page of ${origin} may not use Lightsout, and no tokens are configured`, {
      hint: "Use the CLI, or give http.tokens and send one",
    });
  }
}
