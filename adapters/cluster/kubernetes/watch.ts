import { type Clock, DeviceError } from "#events";
import type { KubeClient } from "./client.ts";
import { field, items, text } from "./json.ts";

/** What a follower hears. Calls come one after the other. */
export interface FollowEvents {
  /** Everything there is, freshly read. The collection can be read (again). */
  all(objects: readonly unknown[]): void;
  changed(object: unknown): void;
  gone(object: unknown): void;
  /** Neither list nor watch works; `all` follows when they do. Called once for each time it breaks. */
  lost(error: unknown): void;
}

export interface FollowOptions {
  readonly client: KubeClient;
  /** The collection, as `/api/v1/nodes`. */
  readonly path: string;
  readonly clock: Clock;
  /** A watch this long without a byte is taken for dead; the collection is listed again. */
  readonly idleMs: number;
  /** Longest pause between attempts. */
  readonly maxBackoffMs: number;
}

/** How a watch ended: it can be resumed from the last version, or not. */
type Ending = "resume" | "relist";

const FIRST_BACKOFF_MS = 500;
/** A watch that ends sooner than this counts as a failed attempt, or a server that closes at once would be asked in a tight loop. */
const SHORT_MS = 1000;

/**
 * Lists a collection and watches it from there, until `signal`: through clean closes, resets, 410 Gone, 5xx, silence and
 * garbage. (The stock informer stops at a reset or a 5xx.) Resolves when stopped; never rejects.
 * Protocol: https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes
 */
export async function follow(options: FollowOptions, events: FollowEvents, signal: AbortSignal): Promise<void> {
  const { client, path, clock, maxBackoffMs } = options;
  let failures = 0;
  let version: string | undefined;
  let lost = false;

  const list = async () => {
    const listed = await client.call({ method: "GET", path, target: path, operation: "list", signal });
    const found = text(field(listed, "metadata", "resourceVersion"));
    if (found === undefined || !Array.isArray(field(listed, "items"))) throw garbage(path, "a list without items or resourceVersion");
    version = found;
    lost = false;
    events.all(items(field(listed, "items")));
  };

  const fails = (error: unknown) => {
    if (lost || signal.aborted) return;
    lost = true;
    events.lost(error);
  };

  while (!signal.aborted) {
    const opened = clock.mono();
    let progress = false;
    try {
      if (version === undefined) await list().catch((error: unknown) => Promise.reject(fails(error)));
      const ending = await watchOnce(options, version ?? "", events, signal, (seen) => {
        version = seen;
        progress = true;
      });
      if (ending === "relist") version = undefined;
      failures = progress || clock.mono() - opened >= SHORT_MS ? 0 : failures + 1;
    } catch {
      // Not even the watch could be opened: the list decides whether the API is lost.
      version = undefined;
      failures += 1;
    }
    // The first attempt after a failure is free: most are a connection that was closed while idle.
    if (failures > 1) {
      const pause = Math.min(maxBackoffMs, FIRST_BACKOFF_MS * 2 ** Math.min(failures - 2, 20));
      await clock.sleep(pause * (0.75 + Math.random() / 2), signal).catch(() => undefined);
    }
  }
}

/** One watch until it ends. Throws only when it could not be opened: one that breaks may simply be resumed. */
async function watchOnce(
  { client, path, clock, idleMs }: FollowOptions,
  version: string,
  events: FollowEvents,
  signal: AbortSignal,
  seen: (version: string) => void,
): Promise<Ending> {
  const query = new URLSearchParams({
    watch: "true",
    allowWatchBookmarks: "true",
    resourceVersion: version,
    timeoutSeconds: "290",
  });
  const silent = new AbortController();
  const lines = readLines(await client.stream(`${path}?${query}`, AbortSignal.any([signal, silent.signal])));
  let heard = clock.mono();
  const done = new AbortController();
  const watchdog = (async () => {
    for (let left = idleMs; left > 0; left = heard + idleMs - clock.mono()) await clock.sleep(left, done.signal);
    silent.abort();
  })().catch(() => undefined);
  try {
    for await (const line of lines) {
      heard = clock.mono();
      const ending = take(line, events, seen);
      if (ending) return ending;
    }
    return "resume";
  } catch {
    return silent.signal.aborted ? "relist" : "resume";
  } finally {
    done.abort();
    await watchdog;
    silent.abort();
  }
}

/** One event of a watch. An answer when the watch cannot go on from here. */
function take(line: string, events: FollowEvents, seen: (version: string) => void): Ending | undefined {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    return "relist";
  }
  const object = field(event, "object");
  const type = field(event, "type");
  const version = text(field(object, "metadata", "resourceVersion"));
  if (type === "ERROR" || version === undefined) return "relist";
  if (type === "ADDED" || type === "MODIFIED") events.changed(object);
  else if (type === "DELETED") events.gone(object);
  else if (type !== "BOOKMARK") return "relist";
  seen(version);
  return undefined;
}

/** Longest line taken: a Node is tens of kilobytes, etcd refuses objects over 1.5 MB. */
const LONGEST_LINE = 8 * 1024 * 1024;

async function* readLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > LONGEST_LINE) throw new Error("a line of the watch is too long");
    for (const line of lines) if (line.trim() !== "") yield line;
  }
}

function garbage(path: string, what: string): DeviceError {
  return new DeviceError("LO_CLUSTER_PROTOCOL", { target: path, operation: "list", effect: "none" }, `the API answered with ${what}`);
}
