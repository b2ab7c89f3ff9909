import { open } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { Context } from "hono";
import type { CachedAsset } from "./port.ts";

/** The context of a request that came over node:http. */
export type Wire = Context<{ Bindings: HttpBindings }>;

interface Part {
  readonly start: number;
  /** Included. */
  readonly end: number;
}

const chunkBytes = 256 * 1024;

/**
 * Sends a file with its length, its checksum as ETag, and the part that was asked for (RFC 9110, 14: one range; others get it whole). A
 * file that is gone or has another length than its checksum was taken of answers 404.
 *
 * @param onWhole called once the last byte of the whole file has left
 */
export async function sendFile(c: Wire, asset: CachedAsset, onWhole?: () => Promise<void>): Promise<Response> {
  const etag = `"${asset.sha256}"`;
  const headers = { etag, "accept-ranges": "bytes", "content-type": "application/octet-stream", "cache-control": "no-cache" };
  if (c.req.header("if-none-match") === etag) return c.body(null, 304, headers);
  const wanted = wantedPart(c.req.header("range"), c.req.header("if-range"), etag, asset.bytes);
  if (wanted === "none") return c.body(null, 416, { ...headers, "content-range": `bytes */${asset.bytes}` });
  const part = wanted ?? { start: 0, end: asset.bytes - 1 };
  const status = wanted ? 206 : 200;
  const length = { "content-length": String(part.end - part.start + 1) };
  const range = wanted ? { "content-range": `bytes ${part.start}-${part.end}/${asset.bytes}` } : {};
  if (c.req.method === "HEAD") return c.body(null, status, { ...headers, ...length, ...range });

  const file = await open(asset.file).catch(() => undefined);
  if (!file || (await file.stat()).size !== asset.bytes) {
    await file?.close();
    return c.text("The file is not there as it was stored\n", 404);
  }
  const { outgoing } = c.env;
  outgoing.writeHead(status, { ...headers, ...length, ...range });
  const sent = await pipeline(file.createReadStream({ ...part, highWaterMark: chunkBytes }), outgoing).then(
    () => true,
    () => false,
  );
  if (sent && !wanted) await onWhole?.();
  return RESPONSE_ALREADY_SENT;
}

function wantedPart(range: string | undefined, ifRange: string | undefined, etag: string, bytes: number): Part | "none" | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? "");
  if (!match || (ifRange !== undefined && ifRange !== etag)) return undefined;
  const [, from = "", to = ""] = match;
  if (from === "" && to === "") return undefined;
  if (from === "") return to === "0" || bytes === 0 ? "none" : { start: Math.max(0, bytes - Number(to)), end: bytes - 1 };
  if (to !== "" && Number(to) < Number(from)) return undefined;
  if (Number(from) >= bytes) return "none";
  return { start: Number(from), end: to === "" ? bytes - 1 : Math.min(Number(to), bytes - 1) };
}
