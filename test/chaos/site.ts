import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Written } from "#test/e2e/lab.ts";
import { createSite, type Site } from "#test/e2e/outside.ts";
import type { Rack, RackMachine } from "#test/lab/rack.ts";
import { type NatsServer, startNatsCluster, startNatsServer } from "#test/peers/nats-server.ts";

export type StoreName = "embedded" | "nats" | "cluster";

/** Where chaos happens: a rack, its store, and what of the store can be killed. */
export interface Place {
  readonly site: Site;
  /** Workers that share the store. */
  readonly workers: number;
  readonly servers: readonly NatsServer[];
  close(): Promise<void>;
}

const machine = (name: string, bmc: RackMachine["bmc"]): RackMachine => ({ name, bmc, model: "Box1", bootMs: 8000 });

/** Six machines on five kinds of BMC, and one that is never touched. */
const machines: RackMachine[] = [
  machine("m-1", "dell"),
  machine("m-2", "hpe"),
  machine("m-3", "supermicro"),
  machine("m-4", "openbmc"),
  machine("m-5", "ipmi"),
  machine("m-6", "ipmi"),
  machine("quiet", "none"),
];
export const names: readonly string[] = machines.filter(({ bmc }) => bmc !== "none").map(({ name }) => name);

/** @param programs where the programs are that are not ours; the cluster needs a nats-server from 2.10.20 on */
export async function openPlace(store: StoreName, programs: { nats: string; newNats: string }): Promise<Place> {
  const servers =
    store === "embedded" ? [] : store === "nats" ? [await startNatsServer(programs.nats)] : await startNatsCluster(programs.newNats);
  const endings: (() => unknown)[] = [];
  const url = servers.map((server) => `nats://${server.url}`).join(",");
  const site = await createSite(
    { onTestFinished: (end) => void endings.push(end as () => unknown) },
    {
      machines,
      ...(store === "embedded" ? {} : { store: url }),
      change: declare,
    },
  );
  return {
    site,
    workers: store === "embedded" ? 1 : 2,
    servers,
    async close() {
      for (const end of endings.reverse()) await end();
      for (const server of servers) await server.close();
    },
  };
}

function declare(config: Written, rack: Rack, folder: string): void {
  const talosconfig = join(folder, "talosconfig");
  writeFileSync(talosconfig, rack.talosconfig, { mode: 0o600 });
  Object.assign(config, {
    patience: "5s",
    // What is to be seen here is whether anything is lost or doubled: nothing may end a story because it was told often.
    guards: { budget: { perMachine: ["100/10m"], fleet: "100/1m" }, storm: { share: "0.5", window: "1s", cooldown: "1s" } },
    talos: { talosconfig, version: "v1.13.9", kubernetes: "v1.36.3" },
    storage: "none",
  });
  for (const one of config.machines) Object.assign(one, { talos: rack.declared(one.name) });
}
