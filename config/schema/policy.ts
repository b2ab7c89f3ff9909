import { z } from "zod";
import { cron } from "./schedule.ts";
import { section } from "./section.ts";
import { choice, duration, path, text } from "./value.ts";

/** What is decided once for a site, for functions that go over many machines. */
export const policies = {
  upgrade: section({ soak: duration("7d").prefault("10m"), within: duration("4h").prefault("30m") }).prefault({}),
  coldStart: section({ pools: z.array(text("the name of a pool")).default([]), stagger: duration("1h").prefault("15s") }).prefault({}),
  drift: section({ schedule: cron.optional(), repair: z.array(choice(["labels", "taints"])).default([]) }).prefault({}),
  cni: section({
    manifests: z.array(path).min(1).optional(),
    command: z.array(text("a program and its arguments")).min(1).optional(),
  })
    .transform(({ manifests, command }, context) => {
      if (manifests && !command) return { manifests };
      if (command && !manifests) return { command };
      const message = command ? "manifests and command are two ways to install a network" : "Nothing says how the network is installed";
      context.addIssue({ code: "custom", message, params: { fix: "Write manifests: [file] or command: [program]" }, input: undefined });
      return z.NEVER;
    })
    .optional(),
  serving: choice(["report", "approve"]).prefault("report"),
  storage: choice(["auto", "none", "ceph", "longhorn"], { rook: "Write ceph" }).prefault("auto"),
};

/** The outcome of `policies`. */
export type Policies = { readonly [Key in Exclude<keyof typeof policies, "cni">]: z.output<(typeof policies)[Key]> } & {
  /** How the pods of a new cluster get a network. */
  readonly cni?: NonNullable<z.output<(typeof policies)["cni"]>>;
};

/** A pool whose name is none of the site's, in `coldStart.pools`. */
export const strangers = ({ pools }: Policies["coldStart"], known: ReadonlySet<string>) =>
  pools.flatMap((pool, index) => (known.has(pool) ? [] : [{ pool, index }]));
