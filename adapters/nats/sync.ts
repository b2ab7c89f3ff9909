/** How a server syncs its disk: before every answer, or every so many milliseconds. */
export type SyncSetting = "always" | number;

/** The port on which nats-server is usually monitored. */
const MONITORED = 8222;

/**
 * How a server syncs, as its monitoring page tells; `undefined` where nobody tells. A server does not say it to its clients, so this looks at
 * the usual port of each server and believes only the one that we are connected to. Never rejects.
 */
export async function readSync(servers: string | readonly string[], id: string, signal: AbortSignal): Promise<SyncSetting | undefined> {
  for (const server of [servers].flat()) {
    const url = new URL(server.includes("://") ? server : `nats://${server}`);
    try {
      const within = AbortSignal.any([signal, AbortSignal.timeout(2000)]);
      const answer = await fetch(`http://${url.hostname}:${MONITORED}/jsz`, { signal: within, redirect: "error" });
      const page = (await answer.json()) as { server_id?: unknown; config?: { sync_interval?: unknown; sync_always?: unknown } } | null;
      if (page?.server_id !== id) continue;
      if (page.config?.sync_always === true) return "always";
      // Nanoseconds, as Go writes a duration.
      const interval = Number(page.config?.sync_interval);
      if (interval > 0) return interval / 1e6;
    } catch {
      // Not monitored, or not there.
    }
  }
  return undefined;
}
