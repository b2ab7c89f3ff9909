import { at, kindOf, maps } from "../documents.ts";
import { type ConfigProblem, error, isAtLeast, type Rule, type Subject, warning } from "./rule.ts";

/** The machine installs its own schematic and version to a disk that is certain. */
export const installRule: Rule = (subject) => {
  const { documents, main } = subject;
  const unattended = kindOf(documents, "UnattendedInstallConfig");
  const install = at(main, "machine", "install");
  if (unattended) {
    const both =
      install === undefined
        ? []
        : [error("install-twice", "machine.install", "UnattendedInstallConfig says it too, and Talos refuses both", "Keep one")];
    const match = at(unattended, "provisioning", "diskSelector", "match");
    return [
      ...both,
      ...imageProblems(subject, "UnattendedInstallConfig.installer.image", at(unattended, "installer", "image")),
      ...(typeof match === "string" && match !== ""
        ? namedDisk("UnattendedInstallConfig.provisioning.diskSelector.match", match)
        : [noDisk()]),
    ];
  }
  if (install === undefined) return [error("install-missing", "machine.install", "Nothing says where to install to", byDisk)];
  return [...imageProblems(subject, "machine.install.image", at(install, "image")), ...diskProblems(install), ...argumentProblems(install)];
};

const byDisk = "Name the disk by what it carries: diskSelector with serial or wwid (talosctl get disks -o yaml)";
const noDisk = () => error("disk-missing", "machine.install.disk", "No disk is named to install to", byDisk);

const namedDisk = (path: string, text: string): ConfigProblem[] =>
  /\/dev\/(sd[a-z]+|nvme\d+n\d+|vd[a-z]+|hd[a-z]+)\b/.test(text)
    ? [warning("disk-by-name", path, "Disk names change between boots: this may become another disk", byDisk)]
    : [];

function diskProblems(install: unknown): ConfigProblem[] {
  const disk = at(install, "disk");
  const selector = at(install, "diskSelector");
  const selects =
    typeof selector === "object" && selector !== null && Object.values(selector).some((value) => value !== undefined && value !== "");
  if (selects) {
    const both = warning("disk-twice", "machine.install.disk", "diskSelector wins; this disk means nothing", "Remove it");
    return typeof disk === "string" && disk !== "" ? [both] : [];
  }
  return typeof disk === "string" && disk !== "" ? namedDisk("machine.install.disk", disk) : [noDisk()];
}

function argumentProblems(install: unknown): ConfigProblem[] {
  const given = at(install, "extraKernelArgs");
  if (!Array.isArray(given) || given.length === 0) return [];
  const path = "machine.install.extraKernelArgs";
  const fix = "Put the arguments into the schematic";
  return at(install, "grubUseUKICmdline") === true
    ? [error("args-refused", path, "Talos refuses this beside grubUseUKICmdline: true", fix)]
    : [warning("args-ignored", path, "A machine that boots by systemd-boot (UEFI) ignores this", fix)];
}

function imageProblems({ expected }: Subject, path: string, image: unknown): ConfigProblem[] {
  const own = expected.schematic ?? "<schematic>";
  const fix = `Write factory.talos.dev/metal-installer/${own}:${expected.version ?? "<version>"}`;
  const grave = expected.schematic === undefined ? warning : error;
  if (typeof image !== "string" || image === "") {
    return [grave("installer-missing", path, "Without an image the stock installer is used: extensions are gone after the install", fix)];
  }
  const tag = /:([^/:@]+)(@sha256:[0-9a-f]{64})?$/.exec(image)?.[1];
  const schematic = /\/(?:[a-z0-9]+-)?installer(?:-secureboot)?\/([0-9a-f]{64})[:@]/.exec(image)?.[1];
  const found: ConfigProblem[] = [];
  if (schematic === undefined) {
    found.push(grave("installer-stock", path, "This installer has no schematic: extensions are gone after the install", fix));
    if (isAtLeast(expected.version, [1, 14]) && /^ghcr\.io\/siderolabs\/installer[:@]/.test(image)) {
      found.push(error("installer-gone", path, "ghcr.io/siderolabs/installer is no longer published from 1.14 on", fix));
    }
  } else if (expected.schematic !== undefined && schematic !== expected.schematic) {
    found.push(error("installer-schematic", path, `This is the installer of schematic ${schematic}, not of the machine's own`, fix));
  }
  if (tag === undefined || tag === "latest")
    found.push(error("installer-tag", path, "This names no version: what is installed changes with time", fix));
  else if (expected.version !== undefined && tag.replace(/^v/, "") !== expected.version.replace(/^v/, "")) {
    found.push(error("installer-version", path, `This installs ${tag}, not ${expected.version}`, fix));
  }
  return found;
}

/** Drivers and the modules that load them come together, from one branch. */
export const nvidiaRule: Rule = ({ documents, expected, main }) => {
  const { extensions } = expected;
  const names = [...maps(at(main, "machine", "kernel", "modules")), ...documents.filter(({ kind }) => kind === "KernelModuleConfig")].map(
    ({ name }) => name,
  );
  const path = "machine.kernel.modules";
  const loads = names.includes("nvidia");
  if (extensions === undefined) return [];
  const branches = new Set(extensions.map((one) => /nvidia-(?:.*-)?(production|lts)$/.exec(one)?.[1]).filter((one) => one !== undefined));
  const driver = extensions.some((one) => /(nvidia-open-gpu-kernel-modules|nonfree-kmod-nvidia)-/.test(one));
  const toolkit = extensions.some((one) => one.includes("nvidia-container-toolkit-"));
  const schematic = "Correct the extensions of the machine's schematic";
  return [
    ...(branches.size > 1 ? [error("nvidia-branches", path, "The schematic mixes NVIDIA's production and lts branches", schematic)] : []),
    ...(loads && !driver ? [error("nvidia-driver", path, "nvidia is loaded, but the schematic has no driver extension", schematic)] : []),
    ...(driver && !toolkit
      ? [error("nvidia-toolkit", path, "The schematic has NVIDIA's driver and not its container toolkit", schematic)]
      : []),
    ...(driver && !loads
      ? [
          error(
            "nvidia-modules",
            path,
            "The schematic has NVIDIA's driver, but nothing loads it",
            "List nvidia, nvidia_uvm, nvidia_drm and nvidia_modeset",
          ),
        ]
      : []),
  ];
};
