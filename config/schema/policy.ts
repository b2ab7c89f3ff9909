import { z } from "zod";
import { cron } from "./schedule.ts";
import { section } from "./section.ts";
import { choice, duration, path, text } from "./value.ts";

/** What is decided once for a site, for functions that go over many machines. */
export const policies = {
  upgrade: section({
    soak: duration("7d").prefault("10m").describe("How long the first machine of a rollout must stay well."),
    within: duration("4h").prefault("30m").describe("How long one machine may take."),
  })
    .prefault({})
    .describe("Upgrades of Talos."),
  coldStart: section({
    pools: z.array(text("the name of a pool")).default([]).describe("The order in which pools come back."),
    stagger: duration("1h").prefault("15s").describe("Time between two machines, so that inrush currents do not add up."),
  })
    .prefault({})
    .describe("How everything is brought back after a blackout."),
  drift: section({
    schedule: cron.optional().describe("When what runs is compared with what is declared; never without it."),
    repair: z
      .array(choice(["labels", "taints"]))
      .default([])
      .describe("What is put right without asking."),
  })
    .prefault({})
    .describe("Machines that do not run what is declared."),
  cni: section({
    manifests: z.array(path).min(1).optional().describe("Files that are applied to the new cluster."),
    command: z
      .array(text("a program and its arguments"))
      .min(1)
      .optional()
      .describe("A program and its arguments that installs the network."),
  })
    .transform(({ manifests, command }, context) => {
      if (manifests && !command) return { manifests };
      if (command && !manifests) return { command };
      const message = command ? "manifests and command are two ways to install a network" : "Nothing says how the network is installed";
      context.addIssue({ code: "custom", message, params: { fix: "Write manifests: [file] or command: [program]" }, input: undefined });
      return z.NEVER;
    })
    .optional()
    .describe("How the pods of a new cluster get a network: manifests or a command."),
  serving: choice(["report", "approve"])
    .prefault("report")
    .describe("Kubelet serving certificates: report them, or approve what Talos confirms."),
  storage: choice(["auto", "none", "ceph", "longhorn"], { rook: "Write ceph" })
    .prefault("auto")
    .describe("Storage whose health is looked at before a machine is taken away."),
};

/** The outcome of `policies`. */
export type Policies = { readonly [Key in Exclude<keyof typeof policies, "cni">]: z.output<(typeof policies)[Key]> } & {
  /** How the pods of a new cluster get a network. */
  readonly cni?: NonNullable<z.output<(typeof policies)["cni"]>>;
};

/** A pool whose name is none of the site's, in `coldStart.pools`. */
export const strangers = ({ pools }: Policies["coldStart"], known: ReadonlySet<string>) =>
  pools.flatMap((pool, index) => (known.has(pool) ? [] : [{ pool, index }]));
