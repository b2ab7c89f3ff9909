import type { Client } from "./client.ts";
import type { Fields } from "./fields.ts";
import { text } from "./fields.ts";
import type { Reply } from "./reply.ts";

/** The ETag of a resource just read: the header, else `@odata.etag`. An empty one is none. */
export function etagOf(reply: Reply): string | undefined {
  const header = reply.header("etag")?.trim();
  return header ? header : text(reply.body, "@odata.etag");
}

/**
 * What to send as If-Match, one after the other while the BMC answers 412 or 428: as given, strong, without the mark of compression,
 * bare, and not at all (sushy `_etag_handler`; gofish; community.general 6434). Without an ETag: nothing, then `*`.
 */
export function ladder(etag: string | undefined): readonly (string | undefined)[] {
  if (etag === undefined) return [undefined, "*"];
  const strong = etag.replace(/^W\//, "");
  const plain = strong.replace(/-gzip"$/, '"');
  return [...new Set([etag, strong, plain, plain.replaceAll('"', "")]), undefined];
}

/**
 * PATCHes `path`, climbing the ladder. A rung is tried again only after the BMC refused the one before as a failed
 * precondition, which has no effect; the gate is asked anew for each.
 */
export async function patch(
  client: Client,
  path: string,
  body: Fields,
  options: { etag: string | undefined; gate?: () => void; signal?: AbortSignal | undefined },
): Promise<Reply> {
  const [first, ...others] = ladder(options.etag);
  const send = (match: string | undefined) => {
    const headers = match === undefined ? {} : { "if-match": match };
    return client.change({ method: "PATCH", path, body, headers, gate: options.gate, signal: options.signal });
  };
  let reply = await send(first);
  for (const match of others) {
    if (reply.status !== 412 && reply.status !== 428) break;
    reply = await send(match);
  }
  return reply;
}
