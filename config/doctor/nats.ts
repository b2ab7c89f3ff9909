import { lookAtNats, type NatsFound } from "#adapters/nats/mod.ts";
import { pinKey, pinsIn } from "../pins.ts";
import type { StoreConfig } from "../schema.ts";
import { natsAddress } from "../stores.ts";
import { broken, type Finding, failure, judgeClock, MiB, ok, room, warning } from "./check.ts";
import type { Asked, StoreSeen } from "./store.ts";

type NatsStore = Extract<StoreConfig, { kind: "nats" }>;

/** Looks at the NATS servers of a store. */
export async function checkNats(store: NatsStore, { machines, now, signal, site }: Asked): Promise<StoreSeen> {
  try {
    const keys = machines.map(pinKey);
    const found = await lookAtNats({ ...natsAddress(store), site, replicas: store.replicas, keys, signal, patienceMs: 5000 });
    const clock = found.clock === undefined ? [] : [judgeClock("the NATS server", found.clock, now())];
    return {
      findings: [
        ...versionOf(found),
        encryptionOf(found, store),
        ...streamsOf(found, store),
        limitsOf(found),
        syncOf(found, store),
        ...clock,
      ],
      pinned: pinsIn(found.settings, machines),
    };
  } catch (error) {
    return { findings: [broken("server", error)], pinned: undefined };
  }
}

function versionOf({ servers, tooOld, version, where }: NatsFound): Finding[] {
  if (tooOld !== undefined) return [broken("server", tooOld)];
  return [ok("server", `${where}: nats-server ${version}, JetStream is on, ${servers} server${servers === 1 ? " is" : "s are"} known`)];
}

function encryptionOf({ encrypted }: NatsFound, { auth, servers }: NatsStore): Finding {
  const local = servers.every((server) => ["127.0.0.1", "localhost", "[::1]"].includes(new URL(server).hostname));
  if (encrypted) return ok("encryption", "the server demands TLS");
  if (local) return ok("encryption", "none, on loopback");
  const seen = auth
    ? "the server does not demand TLS: whoever sees the network sees the login"
    : "neither TLS nor a login: whoever reaches the server may send events and change claims";
  return warning("encryption", seen, "Give the servers a tls block and users, and write tls://… with store.nats.auth");
}

function streamsOf({ missing, present, servers, unsafe }: NatsFound, { replicas }: NatsStore): Finding[] {
  const copies = `${replicas} replica${replicas === 1 ? "" : "s"}`;
  const few =
    servers < replicas
      ? [
          failure(
            "replicas",
            `${copies} are wanted, and ${servers} server${servers === 1 ? " is" : "s are"} known`,
            "Start more servers in one cluster, or write fewer replicas",
          ),
        ]
      : [];
  if (unsafe.length > 0) return [...few, ...unsafe.map((error) => broken("streams", error))];
  const made =
    present === 0
      ? "none is there yet: the first start makes them"
      : `${present} are there as they have to be${missing === 0 ? "" : `, ${missing} will be made`}`;
  return [...few, ok("streams", `${made}; ${copies}`)];
}

function limitsOf({ limitBytes, usedBytes }: NatsFound): Finding {
  if (limitBytes === undefined) return ok("limits", "the account may store as much as the servers' disks hold");
  const left = limitBytes - usedBytes;
  const seen = `${room(usedBytes)} of ${room(limitBytes)} that the account may store are used`;
  return left < 64 * MiB ? failure("limits", seen, "Raise max_file of the account") : ok("limits", seen);
}

function syncOf({ sync }: NatsFound, { replicas }: NatsStore): Finding {
  if (sync === "always") return ok("sync", "the server syncs its disk before every answer (sync_interval: always)");
  const often =
    sync === undefined
      ? "the server does not tell its clients how it syncs (every 2 minutes unless it is configured)"
      : `the server syncs its disk every ${Math.round(sync / 1000)} s`;
  if (replicas > 1) return ok("sync", `${often}; ${replicas} replicas stand in for it, unless all of them lose power at once`);
  const todo =
    "Write sync_interval: always in the jetstream block of the server (2.10 or newer), or run three servers; its monitoring port 8222 would let this see it";
  return warning("sync", `${often}: with one replica a power cut can lose the last records`, todo);
}
