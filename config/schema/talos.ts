import { z } from "zod";
import { schematic } from "./schematic.ts";
import { named, section } from "./section.ts";
import { choice, flag, like, path, Refused, text, value, word } from "./value.ts";

const version = (of: string, example: string) =>
  value(
    `a version of ${of} such as ${example}`,
    (given) => {
      const match = /^v?(\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?)$/.exec(given);
      return match ? `v${match[1]}` : new Refused(`is not a version of ${of}`, `Write it whole, such as ${example}`);
    },
    like(/^v?\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/, example),
  );

const versions = {
  version: version("Talos", "v1.13.9").optional().describe("Version of Talos."),
  kubernetes: version("Kubernetes", "v1.36.3").optional().describe("Version of Kubernetes."),
};

const registry = value(
  "the registry with the installers, such as factory.talos.dev",
  (given) =>
    /^[a-z0-9.-]+(:\d{1,5})?(\/[a-z0-9._-]+)*$/.test(given)
      ? given
      : new Refused("is not a registry", "Write host, port and path without https://, such as factory.talos.dev"),
  word(/^[a-z0-9.-]+(:\d{1,5})?(\/[a-z0-9._-]+)*$/, "factory.talos.dev"),
);

/** `talos`: how to log in, and what machines are made from where they do not say otherwise. */
export const talos = section({
  ...versions,
  talosconfig: path.optional().describe("File with the certificate of the Talos API, of the role os:admin."),
  context: text("the name of a context").optional().describe("Context of the talosconfig; its current one without it."),
  base: section({
    controlPlane: path.optional().describe("Configuration that control planes are made from."),
    worker: path.optional().describe("Configuration that workers are made from."),
  })
    .optional()
    .describe("Machine configurations as talosctl gen config writes them."),
  registry: registry.prefault("factory.talos.dev").describe("Registry of the installers, without https://."),
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
  value(
    "the value of a label",
    (given) => (labelValue.test(given) ? given : new Refused("cannot be a label's value", "Write up to 63 letters, digits, -, _ and .")),
    word(labelValue),
  ),
);

const taints = byLabel(
  "taint",
  value(
    "a taint such as gpu:NoSchedule",
    (given) => {
      const [, tag = "", effect] = /^(?:(.*):)?(NoSchedule|PreferNoSchedule|NoExecute)$/.exec(given) ?? [];
      if (effect !== undefined && labelValue.test(tag)) return `${tag}:${effect}`;
      return new Refused("is not a taint", "Write value:Effect, such as gpu:NoSchedule; effects: NoSchedule, PreferNoSchedule, NoExecute");
    },
    like(/^(.*:)?(NoSchedule|PreferNoSchedule|NoExecute)$/, "gpu:NoSchedule"),
  ),
);

const shared = {
  ...versions,
  schematic: schematic.optional().describe("What is in the image: the schematic's id, or written out as the Image Factory takes it."),
  extensions: z
    .array(text("an official extension such as siderolabs/intel-ucode"))
    .optional()
    .describe("Short for a schematic with these official extensions and nothing else."),
  patches: z
    .array(path)
    .default([])
    .describe("Files with strategic merge patches; those of defaults come first, then the pool's, then the machine's."),
  labels: labels.default({}).describe("Labels of the Node; a key alone holds an empty text."),
  taints: taints.default({}).describe("Taints of the Node, as value:Effect."),
  modules: z.array(text("a kernel module such as nvidia")).default([]).describe("Kernel modules that are loaded."),
  netboot: choice(["pxe", "http", "media", "first"]).optional().describe("How the machine is led to the network; default pxe."),
  diskBoot: choice(["auto", "exit", "exit-1", "sanboot"]).optional().describe("How it leaves iPXE for its disk; default auto."),
  profile: text("a name that machines of equal hardware share")
    .optional()
    .describe("Name that machines of equal hardware share; upgrades try one of each first."),
  dhcpHostname: flag.optional().describe("The DHCP server sends host names; default false."),
  arch: choice(["amd64", "arm64"], { x86_64: "Write amd64", aarch64: "Write arm64" })
    .optional()
    .describe("Processor architecture; default amd64."),
  secureBoot: flag.optional().describe("The machine boots with Secure Boot; default false."),
};

/** `talos` in `defaults` and in pools. */
export const sharedTalos = section(shared);

const disk = section({
  serial: text("the disk's serial").optional().describe("The disk's serial number."),
  wwid: text("the disk's wwid").optional().describe("The disk's WWID."),
}).transform(({ serial, wwid }, context) => {
  if (serial !== undefined && wwid === undefined) return { serial };
  if (serial === undefined && wwid !== undefined) return { wwid };
  const fix = "Write one of the two, as `talosctl get disks -o yaml` shows it";
  const message = serial === undefined ? "Nothing names the disk" : "serial and wwid are two ways to name the disk";
  context.addIssue({ code: "custom", message, params: { fix }, input: undefined });
  return z.NEVER;
});

/** `talos` of one machine: also what only one machine can have. */
export const writtenTalos = section({
  ...shared,
  disk: disk.optional().describe("The disk that Talos is installed on, by its serial or its WWID."),
  config: path.optional().describe("Its own base configuration, as talhelper writes it."),
});

export type TalosConfig = z.output<typeof talos>;
export type SharedTalos = z.output<typeof sharedTalos>;
export type WrittenTalos = z.output<typeof writtenTalos>;
