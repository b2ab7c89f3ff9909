import { z } from "zod";
import { nearest, type Trust } from "#adapters/inventory/mod.ts";
import type { Duration } from "#events";
import { guards } from "./schema/guards.ts";
import { http } from "./schema/http.ts";
import { machineDefaults, pools, trust, writtenMachine } from "./schema/machine.ts";
import { type MachineConfig, mergeMachine } from "./schema/merge.ts";
import { type NetbootConfig, netboot } from "./schema/netboot.ts";
import { type Policies, policies, strangers } from "./schema/policy.ts";
import { timezone } from "./schema/schedule.ts";
import { section } from "./schema/section.ts";
import { type SnapshotsConfig, snapshots } from "./schema/snapshots.ts";
import { present, type StoreConfig, store } from "./schema/store.ts";
import { type TalosConfig, talos } from "./schema/talos.ts";
import { duration, path, Refused, text, value, word } from "./schema/value.ts";

export type { BmcConfig } from "./schema/bmc.ts";
export type { MachineConfig } from "./schema/merge.ts";
export type { StoreConfig } from "./schema/store.ts";

const site = value(
  "the name of the site",
  (given) =>
    /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/.test(given)
      ? given
      : new Refused("cannot be a site's name", "Write up to 32 lower-case letters, digits and -"),
  word(/^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/, "home"),
);

/** `lightsout.yaml` as it is written, before machines get what others say for them. */
export const writtenConfig = section({
  site: site.prefault("default").describe("Name of the site, part of every subject and id; never change it later."),
  store: store.prefault("embedded").describe("Where events and journals are kept: embedded, or the URL of a NATS server."),
  http: http.prefault({}).describe("The API."),
  cluster: section({
    kubeconfig: path.describe("File with the login to the cluster."),
    context: text("the name of a context").optional().describe("Context of the kubeconfig; its current one without it."),
  })
    .optional()
    .describe("The Kubernetes cluster."),
  trust: trust.prefault("observe").describe("How much Lightsout may do: observe shows, ask asks a person, auto acts."),
  patience: duration("24h").prefault("5m").describe("How long a lost machine may take to come back by itself."),
  grace: duration("2h").prefault("2m").describe("How long machines are only watched after a start, a resume or a clock jump."),
  guards: guards.prefault({}).describe("What holds recoveries back; it can be tuned and not be turned off."),
  talos: talos.optional().describe("How to log in to Talos, and what machines are made from."),
  netboot: netboot.optional().describe("The boot server."),
  snapshots: snapshots.optional().describe("Snapshots of etcd."),
  ...policies,
  timezone: timezone.prefault("UTC").describe("Time zone of schedules."),
  defaults: machineDefaults.prefault({}).describe("What a machine gets that says nothing itself."),
  pools: pools.default({}).describe("What machines of one pool share, by the pool's name."),
  machines: z.array(writtenMachine).default([]).describe("The machines, by their names or as a list."),
  functions: path.optional().describe("Folder with functions of your own."),
  stopFile: path.prefault("./STOP").describe("While this file exists nothing is done."),
});

/** `lightsout.yaml` with every default applied; what a machine gets from its pool and `defaults` is in the machine. */
export interface Config extends Policies {
  readonly site: string;
  readonly store: StoreConfig;
  readonly http: z.output<typeof http>;
  readonly cluster?: { readonly kubeconfig: string; readonly context?: string };
  /** What holds for machines and pools that say nothing. */
  readonly trust: Trust;
  readonly patience: Duration;
  /** How long machines are only watched after a start, a resume or a clock jump. */
  readonly grace: Duration;
  readonly guards: z.output<typeof guards>;
  readonly machines: readonly MachineConfig[];
  /** How to log in to the Talos API; what `talos` says of machines is in the machines. */
  readonly talos?: { readonly talosconfig?: string; readonly context?: string };
  readonly netboot?: NetbootConfig;
  readonly snapshots?: SnapshotsConfig;
  /** Of schedules. */
  readonly timezone: string;
  /** A folder of the user's own functions. */
  readonly functions?: string;
  /** While this file exists no act is performed. */
  readonly stopFile: string;
}

const login = ({ talosconfig, context }: TalosConfig) => present({ talosconfig, context });

/**
 * The shape of `lightsout.yaml`, from texts, lists, maps and `Secret`s as `load` reads them (`machines` is a list here, whichever way it
 * was written).
 */
export const configSchema = writtenConfig.transform(
  ({ defaults, pools: shared, cluster, functions, talos: site, netboot, snapshots, cni, ...rest }, context): Config => {
    const report = (at: (string | number)[], message: string, fix: string) =>
      context.addIssue({ code: "custom", message, params: { fix }, path: at, input: undefined });
    const machines = rest.machines.map((machine, index) =>
      mergeMachine(
        machine,
        { defaults, pools: shared, trust: rest.trust, patience: rest.patience, talos: site },
        ({ path: at, message, fix }) => report(["machines", index, ...at], message, fix),
      ),
    );
    const used = new Set(machines.map(({ pool }) => pool));
    for (const pool of Object.keys(shared).filter((name) => machines.length > 0 && !used.has(name))) {
      const near = nearest(pool, used, 1)[0];
      report(
        ["pools", pool],
        "No machine is in this pool",
        near ? `Did you mean ${near}?` : "Remove it, or write it as the pool of a machine",
      );
    }
    for (const { pool, index } of strangers(rest.coldStart, used)) {
      const near = nearest(pool, used, 1)[0];
      report(["coldStart", "pools", index], "No machine is in this pool", near ? `Did you mean ${near}?` : "Remove it");
    }
    return {
      ...rest,
      machines,
      ...present({ talos: site && login(site), netboot, snapshots, cni, functions, cluster: cluster && present(cluster) }),
    };
  },
);
