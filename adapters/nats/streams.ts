import type { StreamConfig } from "@nats-io/jetstream";
import { DiscardPolicy, JetStreamApiCodes, JetStreamApiError, RetentionPolicy, StorageType } from "@nats-io/jetstream";
import { nanos } from "@nats-io/transport-node";
import type { Stream } from "#events";
import { LightsoutError } from "#events";
import type { Link } from "./link.ts";
import { natsSubject, streamName } from "./names.ts";

const DAY = 86_400_000;
const DUPLICATE_WINDOW = 120_000;

/** The log's streams. */
export const STREAMS: readonly Stream[] = ["events", "journal", "dead"];

/** Creates the site's streams where they are missing and refuses ones that could lose what must be kept. */
export async function ensureStreams(link: Link, site: string, replicas: number): Promise<void> {
  // All at once: with replicas each waits for an election of its own.
  await Promise.all(STREAMS.map((stream) => ensureStream(link, configOf(site, stream, replicas))));
}

/** How a stream of the log has to be. */
export function configOf(site: string, stream: Stream, replicas: number): Partial<StreamConfig> & { name: string } {
  return {
    name: streamName(site, stream),
    subjects: [natsSubject(site, stream, ">")],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    // A journal that is full must say so; it must never make room by forgetting.
    discard: stream === "events" ? DiscardPolicy.Old : DiscardPolicy.New,
    max_age: stream === "events" ? nanos(30 * DAY) : 0,
    max_msgs: -1,
    max_bytes: -1,
    max_msgs_per_subject: -1,
    duplicate_window: nanos(DUPLICATE_WINDOW),
    num_replicas: replicas,
    // Reads are answered by the leader, so that who writes can read what it wrote.
    allow_direct: false,
  };
}

/** How long servers that have just elected may take to know of a stream that was created. */
const KNOWN_WITHIN = 30_000;

async function ensureStream(link: Link, wanted: Partial<StreamConfig> & { name: string }): Promise<void> {
  const { clock, closing, jsm, where } = link;
  const { name } = wanted;
  for (const until = clock.mono() + KNOWN_WITHIN; ; await clock.sleep(200, closing)) {
    // What the server made of it counts: an old one drops fields that it does not know.
    const info = await lookAt(link, name);
    if (info) {
      checkServer(where, link.nc.info?.version ?? "", info.config.num_replicas ?? 1);
      return checkStream(where, info.config, wanted);
    }
    if (clock.mono() > until) {
      throw new LightsoutError("LO_STORE_REFUSED", `${where}: stream ${name} was created and is not there`, {
        hint: "Look at the servers: nats server report jetstream",
      });
    }
    await link.ask(`create stream ${name}`, () => jsm.streams.add({ ...wanted }), { repeatable: true });
  }
}

/** `undefined` where there is no such stream: a cluster that elects says so of one that it has just agreed to, too. */
export function lookAt(link: Link, name: string) {
  const options = { repeatable: true, expected: [JetStreamApiCodes.StreamNotFound] };
  return link
    .ask(`look at stream ${name}`, () => link.jsm.streams.info(name), options)
    .catch((error: unknown) => {
      if (error instanceof JetStreamApiError) return undefined;
      throw error;
    });
}

/**
 * Before this version servers looked at the expected sequence of a replicated stream only before the vote: of writers at the same
 * moment all won (2.9.10: 20 of 20; nats-server issue 4320), and replicas could part over a first entry (pull request 5794).
 */
const REPLICATED_SINCE = "2.10.20";

/** Throws `LO_STORE_SERVER` when compare-and-set cannot be trusted there: two workers could then hold one machine. */
export function checkServer(where: string, version: string, replicas: number): void {
  if (replicas <= 1 || !isOlder(version, REPLICATED_SINCE)) return;
  throw new LightsoutError(
    "LO_STORE_SERVER",
    `${where}: nats-server ${version} lets several writers win one compare-and-set on a stream with ${replicas} replicas`,
    { hint: `Run nats-server ${REPLICATED_SINCE} or newer on every server, or keep one replica (replicas: 1)` },
  );
}

function isOlder(version: string, than: string): boolean {
  const [have, want] = [version, than].map((text) =>
    text
      .split(/[.-]/)
      .slice(0, 3)
      .map((part) => Number.parseInt(part, 10) || 0),
  );
  for (const [index, part] of (want ?? []).entries()) if (part !== have?.[index]) return (have?.[index] ?? 0) < part;
  return false;
}

/** Throws `LO_STORE_CONFIG`, with every dangerous difference and how to mend it. Limits that lose nothing are the operator's. */
export function checkStream(where: string, found: Partial<StreamConfig>, wanted: Partial<StreamConfig> & { name: string }): void {
  const differences: string[] = [];
  const must = (holds: boolean, field: keyof StreamConfig, rule: string) => {
    if (!holds) differences.push(`${field} is ${JSON.stringify(found[field] ?? null)}, must be ${rule}`);
  };
  const unlimited = (value: number | undefined) => value === undefined || value <= 0;
  const forever = unlimited(wanted.max_age);
  must(found.retention === wanted.retention, "retention", String(wanted.retention));
  must(found.storage === wanted.storage, "storage", String(wanted.storage));
  must(JSON.stringify(found.subjects) === JSON.stringify(wanted.subjects), "subjects", JSON.stringify(wanted.subjects));
  must((found.num_replicas ?? 1) >= (wanted.num_replicas ?? 1), "num_replicas", `at least ${wanted.num_replicas}`);
  must((found.duplicate_window ?? 0) >= (wanted.duplicate_window ?? 0), "duplicate_window", `at least ${DUPLICATE_WINDOW / 1000}s`);
  must(
    found.max_msgs_per_subject === wanted.max_msgs_per_subject ||
      unlimited(wanted.max_msgs_per_subject) === unlimited(found.max_msgs_per_subject),
    "max_msgs_per_subject",
    String(wanted.max_msgs_per_subject),
  );
  must(!found.sealed && !found.deny_purge, "deny_purge", "false");
  if (forever) {
    must(unlimited(found.max_age), "max_age", "0 (nothing expires)");
    const bounded = !unlimited(found.max_msgs) || !unlimited(found.max_bytes);
    must(found.discard === DiscardPolicy.New || !bounded, "discard", "new, since the stream is limited");
  }
  if (differences.length === 0) return;
  throw new LightsoutError("LO_STORE_CONFIG", `${where}: stream ${wanted.name} is not safe to use: ${differences.join("; ")}`, {
    hint: `Mend it with: nats stream edit ${wanted.name} (retention and storage cannot be changed: back the stream up and create it again)`,
  });
}
