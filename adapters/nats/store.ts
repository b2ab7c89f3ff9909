import type { EventStore } from "#events";
import type { NatsAddress } from "./dial.ts";
import { createKv } from "./kv.ts";
import { openLink } from "./link.ts";
import { createLog } from "./log.ts";
import { checkSite } from "./names.ts";
import { checkServer, ensureStreams } from "./streams.ts";

const HEALTH_WITHIN = 2_000;

export interface NatsStoreOptions extends NatsAddress {
  /** Part of every subject, stream and bucket: letters, digits, `-`, `_`. */
  readonly site: string;
  /**
   * Copies of every stream. Default 1; 3 survives the loss of a server, and of the power of one. More than 1 needs nats-server
   * 2.10.20 or newer on every server.
   */
  readonly replicas?: number;
  /** How long a worker may be silent before the record in its hands goes to another. Default 30 s; a live worker is never silent. */
  readonly ackWaitMs?: number;
}

/**
 * Opens the event store on NATS JetStream (2.9 or newer), shared by any number of workers: streams
 * `LIGHTSOUT_<site>_EVENTS|JOURNAL|DEAD` and buckets `lightsout_<site>_<bucket>`, created where missing and checked where not.
 *
 * It reconnects for ever; a call waits up to `patienceMs` for servers that are gone and then rejects with
 * `LO_STORE_UNREACHABLE`. Opening rejects with that, with `LO_STORE_AUTH`, with `LO_STORE_SERVER` when the server is too old for
 * replicas, or with `LO_STORE_CONFIG` when a stream's limits could lose what must be kept. A server acknowledges before it syncs its disk unless `sync_interval: always` is set (2.10 or newer): with
 * one replica a power cut can then lose the last records.
 */
export async function createNatsStore(options: NatsStoreOptions): Promise<EventStore> {
  const { site, replicas = 1, ackWaitMs = 30_000 } = options;
  checkSite(site);
  const link = await openLink(options, `lightsout-${site}`);
  try {
    checkServer(link.where, link.nc.info?.version ?? "", replicas);
    const [kv] = await Promise.all([createKv(link, site, replicas), ensureStreams(link, site, replicas)]);
    return {
      kind: "nats",
      log: createLog(link, site, ackWaitMs),
      kv,
      async health() {
        if (link.closing.aborted) return { ok: false, detail: "nats: closed" };
        if (!link.connected()) return { ok: false, detail: `${link.where}: not connected, trying again. Check that nats-server runs` };
        try {
          await link.nc.request("$JS.API.INFO", "", { timeout: HEALTH_WITHIN });
          const { version = "", server_name = "" } = link.nc.info ?? {};
          return {
            ok: true,
            detail: `${link.where}: nats-server ${version} (${server_name}), ${replicas} replica${replicas === 1 ? "" : "s"}`,
          };
        } catch {
          return { ok: false, detail: `${link.where}: connected, but JetStream does not answer. Check that a majority of its servers run` };
        }
      },
      close: () => link.close(),
    };
  } catch (error) {
    await link.close();
    throw error;
  }
}
