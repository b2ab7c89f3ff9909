import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, type Stats } from "node:fs";
import { mkdir, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { basename } from "node:path/posix";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fetch } from "undici";
import { LightsoutError } from "#events";
import type { CachedAsset } from "./port.ts";
import { isAssetPath } from "./profile.ts";

/** Boot assets on disk: what is here needs no internet. */
export interface Assets {
  /** The asset if it is cached and its bytes have their checksum, without asking anybody. */
  find(path: string): Promise<CachedAsset | undefined>;
  /**
   * The asset, fetched unless it is cached as `find` sees it. A broken transfer is resumed by the next call. Throws
   * `LO_ASSET`; what was half fetched is never served.
   */
  ensure(path: string, signal?: AbortSignal): Promise<CachedAsset>;
}

export interface AssetOptions {
  /** Where they are kept: `<path>` as it was asked for, beside a `SHA256SUMS` that `sha256sum -c` reads. One process writes there. */
  readonly folder: string;
  /**
   * Where they come from: an Image Factory (`https://factory.talos.dev/image`), or a mirror with the same paths, such as another Lightsout's
   * `/assets`. Absent: only what is cached.
   */
  readonly source?: {
    readonly url: string /** The mirror has `SHA256SUMS` beside the files; what is not in it is refused. */;
    readonly checksums?: boolean;
  };
}

const sums = "SHA256SUMS";

/** Boot assets cached in a folder. */
export function createAssets({ folder, source }: AssetOptions): Assets {
  const fetching = new Map<string, Promise<CachedAsset>>();
  const writing = new Map<string, Promise<void>>();

  const hashed = new Map<string, { readonly stamp: string; readonly sha256: Promise<string> }>();

  /** The file's checksum, read again only when the file has changed. */
  function checksum(file: string, found: Stats): Promise<string> {
    const stamp = stampOf(found);
    const known = hashed.get(file);
    if (known?.stamp === stamp) return known.sha256;
    const sha256 = digest(file);
    hashed.set(file, { stamp, sha256 });
    sha256.catch(() => hashed.delete(file));
    return sha256;
  }

  const lists = new Map<string, { readonly stamp: string; readonly sums: Promise<ReadonlyMap<string, string>> }>();

  /** A folder's list, read again only when it has changed: a boot storm asks for it with every file. */
  async function sumsOf(at: string): Promise<ReadonlyMap<string, string>> {
    const found = await stat(join(at, sums)).catch(() => undefined);
    if (!found) return new Map();
    const known = lists.get(at);
    if (known?.stamp === stampOf(found)) return known.sums;
    const read = listed(at);
    lists.set(at, { stamp: stampOf(found), sums: read });
    return read;
  }

  async function find(path: string): Promise<CachedAsset | undefined> {
    if (!isAssetPath(path)) return undefined;
    const file = join(folder, path);
    const found = await stat(file).catch(() => undefined);
    if (!found?.isFile()) return undefined;
    const sha256 = await checksum(file, found);
    // The list itself is served too, so that this folder can be another's mirror.
    const known = basename(path) === sums || (await sumsOf(dirname(file))).get(basename(path)) === sha256;
    return known ? { file, bytes: found.size, sha256 } : undefined;
  }

  async function ensure(path: string, signal?: AbortSignal): Promise<CachedAsset> {
    if (!isAssetPath(path)) throw failed(path, "this is no path of a boot asset", "Write it as <schematic>/<version>/<file>");
    const cached = await find(path);
    if (cached) return cached;
    if (!source)
      throw failed(
        path,
        `it is not in ${folder} with the checksum that ${sums} gives, and there is nowhere to fetch it from`,
        `Put it there, and run sha256sum into ${sums}`,
      );
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    const url = `${source.url.replace(/\/+$/, "")}/${path}`;
    const expected = source.checksums === true ? await published(url, path, signal) : undefined;
    await download(url, path, `${file}.part`, signal);
    const sha256 = await digest(`${file}.part`);
    if (expected !== undefined && sha256 !== expected) {
      await rm(`${file}.part`, { force: true });
      throw failed(
        path,
        `what ${url} sent has the SHA-256 ${sha256}, ${sums} says ${expected}`,
        "Fetch again; if it stays, repair the mirror",
      );
    }
    await rename(`${file}.part`, file);
    await rm(`${file}.part.etag`, { force: true });
    await inTurn(dirname(file), () => list(dirname(file), basename(path), sha256));
    return { file, bytes: (await stat(file)).size, sha256 };
  }

  /** One writer of a folder's list at a time. */
  function inTurn(at: string, work: () => Promise<void>): Promise<void> {
    const turn = (writing.get(at) ?? Promise.resolve()).then(work, work);
    writing.set(at, turn);
    return turn;
  }

  return {
    find,
    ensure(path, signal) {
      const running = fetching.get(path);
      if (running) return running;
      const started = ensure(path, signal).finally(() => fetching.delete(path));
      fetching.set(path, started);
      return started;
    },
  };
}

/** Fetches into `part`, going on where an earlier attempt with the same ETag broke off. */
async function download(url: string, path: string, part: string, signal: AbortSignal | undefined): Promise<void> {
  const etag = await readFile(`${part}.etag`, "utf8").catch(() => "");
  const have = etag === "" ? 0 : ((await stat(part).catch(() => undefined))?.size ?? 0);
  const reply = await fetch(url, {
    headers: { "accept-encoding": "identity", ...(have > 0 && { range: `bytes=${have}-`, "if-range": etag }) },
    ...(signal && { signal }),
  }).catch((error: unknown) => {
    throw failed(path, `${url} does not answer (${reason(error)})`, "Try again, or put the file into the cache", error);
  });
  const resumed = reply.status === 206 && reply.headers.get("content-range")?.startsWith(`bytes ${have}-`) === true;
  if (!reply.body || (reply.status !== 200 && !resumed)) {
    await reply.body?.cancel();
    await rm(`${part}.etag`, { force: true });
    throw failed(path, `${url} answers ${reply.status}`, "Check the schematic and the version, and that the source has them");
  }
  // A strong ETag only: a weak one does not promise the same bytes (RFC 9110, 13.1.5).
  await writeFile(`${part}.etag`, reply.headers.get("etag")?.startsWith('"') === true ? (reply.headers.get("etag") ?? "") : "");
  const length = reply.headers.get("content-length");
  try {
    await pipeline(Readable.fromWeb(reply.body), createWriteStream(part, { flags: resumed ? "a" : "w", flush: true }), {
      ...(signal && { signal }),
    });
  } catch (error) {
    throw failed(path, `the transfer from ${url} broke off (${reason(error)})`, "Try again: it goes on where it stopped", error);
  }
  const bytes = (await stat(part)).size;
  const whole = length === null ? undefined : Number(length) + (resumed ? have : 0);
  if (whole === undefined || bytes === whole) return;
  throw failed(path, `${url} sent ${bytes} of ${whole} bytes`, "Try again: it goes on where it stopped");
}

async function published(url: string, path: string, signal: AbortSignal | undefined): Promise<string> {
  const list = `${url.slice(0, url.lastIndexOf("/"))}/${sums}`;
  const reply = await fetch(list, signal ? { signal } : {}).catch((error: unknown) => {
    throw failed(path, `${list} does not answer (${reason(error)})`, "Try again", error);
  });
  const sha256 = reply.ok ? readSums(await reply.text()).get(basename(path)) : undefined;
  if (!reply.ok) await reply.body?.cancel();
  if (sha256 !== undefined) return sha256;
  throw failed(path, `${list} ${reply.ok ? "does not list it" : `answers ${reply.status}`}`, "Complete the mirror's list with sha256sum");
}

const stampOf = ({ ino, mtimeMs, size }: Stats) => `${ino} ${size} ${mtimeMs}`;

const listed = async (folder: string) => readSums(await readFile(join(folder, sums), "utf8").catch(() => ""));

async function list(folder: string, name: string, sha256: string): Promise<void> {
  const all = new Map(await listed(folder)).set(name, sha256);
  const lines = [...all].sort(([a], [b]) => (a < b ? -1 : 1)).map(([file, sum]) => `${sum}  ${file}\n`);
  const next = join(folder, `${sums}.part`);
  await writeFile(next, lines.join(""), { flush: true });
  await rename(next, join(folder, sums));
  // The names are as durable as the bytes only once the folder is synced.
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

/** The checksums of a list as `sha256sum` writes it, by file name. Lines that are none are passed over. */
export function readSums(text: string): ReadonlyMap<string, string> {
  const lines = text.split("\n").map((line) => /^([0-9a-f]{64}) [ *]([A-Za-z0-9][A-Za-z0-9._-]*)\r?$/.exec(line));
  return new Map(lines.flatMap((match) => (match?.[1] && match[2] ? [[match[2], match[1]] as const] : [])));
}

async function digest(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash);
  return hash.digest("hex");
}

const failed = (path: string, what: string, hint: string, cause?: unknown) =>
  new LightsoutError("LO_ASSET", `The boot asset ${path} cannot be had: ${what}`, { hint, cause });

const reason = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? error.cause.message : error.message;
};
