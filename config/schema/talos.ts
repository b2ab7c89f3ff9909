import { z } from "zod";
import { schematic } from "./schematic.ts";
import { named, section } from "./section.ts";
import { choice, flag, path, Refused, text, value } from "./value.ts";

const version = (of: string, example: string) =>
  value(`a version of ${of} such as ${example}`, (given) => {
    const match = /^v?(\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?)$/.exec(given);
    return match ? `v${match[1]}` : new Refused(`is not a version of ${of}`, `Write it whole, such as ${example}`);
  });

const versions = { version: version("Talos", "v1.13.9").optional(), kubernetes: version("Kubernetes", "v1.36.3").optional() };

const registry = value("the registry with the installers, such as factory.talos.dev", (given) =>
  /^[a-z0-9.-]+(:\d{1,5})?(\/[a-z0-9._-]+)*$/.test(given)
    ? given
    : new Refused("is not a registry", "Write host, port and path without https://, such as factory.talos.dev"),
);

/** `talos`: how to log in, and what machines are made from where they do not say otherwise. */
export const talos = section({
  ...versions,
  talosconfig: path.optional(),
  context: text("the name of a context").optional(),
  base: section({ controlPlane: path.optional(), worker: path.optional() }).optional(),
  registry: registry.prefault("factory.talos.dev"),
});

const labelKey = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const labelValue = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;

/** A map whose keys are names of Kubernetes, such as `nvidia.com/gpu`. A key alone holds an empty text. */
function byLabel<Value extends z.ZodType<string>>(what: "label" | "taint", content: Value) {
  return named(
    /^/,
    z.preprocess((input) => input ?? "", content),
  ).superRefine((given, context) => {
    for (const key of Object.keys(given).filter((name) => !labelKey.test(name))) {
      const message = `This is not the name of a ${what}`;
      context.addIssue({ code: "custom", message, params: { fix: "Write it like example.com/name" }, path: [key], input: undefined });
    }
  });
}

const labels = byLabel(
  "label",
  value("the value of a label", (given) =>
    labelValue.test(given) ? given : new Refused("cannot be a label's value", "Write up to 63 letters, digits, -, _ and ."),
  ),
);

const taints = byLabel(
  "taint",
  value("a taint such as gpu:NoSchedule", (given) => {
    const [, tag = "", effect] = /^(?:(.*):)?(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(given) ?? [];
    if (effect !== undefined && labelValue.test(tag)) return `${tag}:${effect}`;
    return new Refused("is not a taint", "Write value:Effect, such as gpu:NoSchedule; effects: NoSchedule, PreferNoSchedule, NoExecute");
  }),
);

const shared = {
  ...versions,
  schematic: schematic.optional(),
  extensions: z.array(text("an official extension such as siderolabs/intel-ucode")).optional(),
  patches: z.array(path).default([]),
  labels: labels.default({}),
  taints: taints.default({}),
  modules: z.array(text("a kernel module such as nvidia")).default([]),
  netboot: choice(["pxe", "http", "media", "first"]).optional(),
  diskBoot: choice(["auto", "exit", "exit-1", "sanboot"]).optional(),
  profile: text("a name that machines of equal hardware share").optional(),
  dhcpHostname: flag.optional(),
  arch: choice(["amd64", "arm64"], { x86_64: "Write amd64", aarch64: "Write arm64" }).optional(),
  secureBoot: flag.optional(),
};

/** `talos` in `defaults` and in pools. */
export const sharedTalos = section(shared);

const disk = section({ serial: text("the disk's serial").optional(), wwid: text("the disk's wwid").optional() }).transform(
  ({ serial, wwid }, context) => {
    if (serial !== undefined && wwid === undefined) return { serial };
    if (serial === undefined && wwid !== undefined) return { wwid };
    const fix = "Write one of the two, as `talosctl get disks -o yaml` shows it";
    const message = serial === undefined ? "Nothing names the disk" : "serial and wwid are two ways to name the disk";
    context.addIssue({ code: "custom", message, params: { fix }, input: undefined });
    return z.NEVER;
  },
);

/** `talos` of one machine: also what only one machine can have. */
export const writtenTalos = section({ ...shared, disk: disk.optional(), config: path.optional() });

export type TalosConfig = z.output<typeof talos>;
export type SharedTalos = z.output<typeof sharedTalos>;
export type WrittenTalos = z.output<typeof writtenTalos>;
