import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { createNatsStore, type NatsAddress } from "#adapters/nats/mod.ts";
import { type Clock, clearLeases, type EventStore } from "#events";
import type { NatsAuth } from "./schema/store.ts";
import type { StoreConfig } from "./schema.ts";

/** Opens the store a configuration names. The embedded one has a single owner: leases found in it are those of the dead. */
export async function openStore(store: StoreConfig, site: string, clock: Clock): Promise<EventStore> {
  if (store.kind === "embedded") {
    const opened = await createEmbeddedStore({ path: store.path, site, clock });
    await clearLeases(opened);
    return opened;
  }
  return createNatsStore({ ...natsAddress(store), site, replicas: store.replicas, clock });
}

/** How to reach and log in to the NATS servers of a configuration. */
export function natsAddress({ servers, auth, tls }: Extract<StoreConfig, { kind: "nats" }>): NatsAddress {
  return { servers, ...(auth ? { auth: login(auth) } : {}), ...(tls ? { tls } : {}) };
}

function login(auth: NatsAuth) {
  switch (auth.kind) {
    case "token":
      return { token: auth.token.reveal() };
    case "password":
      return { user: auth.user, pass: auth.password.reveal() };
    case "nkey":
      return { nkeySeed: auth.nkey.reveal() };
    case "credentials":
      return { creds: auth.credentials.reveal() };
  }
}
