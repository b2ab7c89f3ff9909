import { normaliseHost } from "#adapters/inventory/mod.ts";
import { like, Refused, value, word } from "./value.ts";

/** A host name or an IP address, without a scheme and a port. */
export const host = value(
  "a host name or an IP address",
  (given) => {
    const found = normaliseHost(given);
    if (found !== undefined) return found;
    const reason = given.includes("/") ? "is a URL" : "is not a host name or an IP address";
    return new Refused(reason, "Write the host name or IP address alone, such as 10.0.10.21; a port has its own key");
  },
  word(/^\[?[0-9A-Za-z.:-]+\]?$/, "10.0.10.21"),
);

/** Where to listen. */
export interface Listen {
  readonly host: string;
  readonly port: number;
}

/** `host:port`; IPv6 in brackets. Port 0 takes any free one. */
export const listen = value(
  "a host and a port such as 127.0.0.1:7480",
  (given): Listen | Refused => {
    const match = /^(.*):(\d{1,5})$/.exec(given);
    const found = match && (match[1] === "" ? undefined : normaliseHost(match[1] ?? ""));
    const port = Number(match?.[2]);
    const bracketed = !found?.includes(":") || match?.[1]?.startsWith("[");
    if (found && bracketed && port <= 65_535) return { host: found, port };
    return new Refused("is not a host and a port", "Write it like 127.0.0.1:7480 or [::1]:7480; 0.0.0.0:7480 for every address");
  },
  like(/^[^\s/]+:\d{1,5}$/, "127.0.0.1:7480", "[::1]:7480"),
);

/** A MAC address as lower-case pairs with colons; `undefined` for any other text. Dashes, dots and no separators are read. */
export function normaliseMac(given: string): string | undefined {
  const text = given.trim().toLowerCase();
  const spelled = /^([0-9a-f]{2}([:-])([0-9a-f]{2}\2){4}[0-9a-f]{2}|([0-9a-f]{4}\.){2}[0-9a-f]{4}|[0-9a-f]{12})$/.test(text);
  return spelled ? text.replace(/[^0-9a-f]/g, "").replace(/(..)(?=.)/g, "$1:") : undefined;
}

/** The MAC address of one network card. */
export const mac = value(
  "a MAC address such as 3c:ec:ef:12:34:56",
  (given) => {
    const found = normaliseMac(given);
    if (found === undefined) return new Refused("is not a MAC address", "Write six pairs such as 3c:ec:ef:12:34:56");
    const first = Number.parseInt(found.slice(0, 2), 16);
    if (found === "00:00:00:00:00:00" || first % 2 === 1) {
      return new Refused(
        "is no card's own address (all zero, broadcast or multicast)",
        "Read it from the machine's label or from `ip link`",
      );
    }
    return found;
  },
  word(
    /^([0-9A-Fa-f]{2}([:-])([0-9A-Fa-f]{2}\2){4}[0-9A-Fa-f]{2}|([0-9A-Fa-f]{4}\.){2}[0-9A-Fa-f]{4}|[0-9A-Fa-f]{12})$/,
    "3c:ec:ef:12:34:56",
  ),
);
