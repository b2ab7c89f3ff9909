import { basename } from "node:path/posix";
import type { DiskBoot, Offer } from "./port.ts";

/**
 * iPXE scripts. Nothing that a machine sent stands in them: only checked paths and arguments, tokens, and names of the inventory.
 * Each ends at the disk whatever fails before, because a script that breaks off leaves some firmware at a prompt.
 */

/** The first script, the same for all: it asks for the machine's own with everything that tells it from others. */
export const firstScript = (url: string): string => ["#!ipxe", ...askFor(url)].join("\n");

/**
 * What iPXE looks for beside its own program when firmware loaded that over HTTP: the first script for a network on which no DHCP server
 * names one. iPXE's own network is not up then. iPXE: interface/efi/efi_autoexec.c
 */
export const autoexecScript = (url: string): string => ["#!ipxe", "dhcp || goto disk", ...askFor(url)].join("\n");

const askFor = (url: string): string[] => [
  `chain --replace ${url}/ipxe?uuid=\${uuid}&mac=\${netX/mac:hexhyp}&serial=\${serial:uristring}&arch=\${buildarch}&platform=\${platform} || goto disk`,
  ...toDisk("auto"),
];

/** Leaves iPXE for the disk. `why` is shown on the machine's console. */
export const diskScript = (how: DiskBoot, why: string): string => ["#!ipxe", ...say(why), ...toDisk(how)].join("\n");

/** Boots what the arm offers: first, if it is to wipe, the boot that wipes. */
export function bootScript(url: string, { arm, token }: Offer, how: DiskBoot): string {
  const { kernel, initramfs, args } = arm.profile;
  const files = `${url}/boot/${token}`;
  const own = arm.wiping ? ["talos.experimental.wipe=system"] : [];
  // UEFI kernels find their initramfs by this name; others ignore it.
  const line = [`initrd=${basename(initramfs)}`, ...args, ...own, `talos.config=${url}/config/${token}`].join(" ");
  return [
    "#!ipxe",
    ...say(`${arm.machine} boots Talos ${arm.wiping ? "to wipe its disk" : "to install"}`),
    "imgfree",
    `kernel ${files}/${basename(kernel)} ${line} || goto disk`,
    `initrd ${files}/${basename(initramfs)} || goto disk`,
    "boot || goto disk",
    ...toDisk(how),
  ].join("\n");
}

function toDisk(how: DiskBoot): string[] {
  const exits = [`iseq \${platform} efi && goto efi ||`, "exit", ":efi", "exit 1"];
  const ways = { auto: exits, exit: ["exit"], "exit-1": ["exit 1"], sanboot: ["sanboot --no-describe --drive 0x80 || exit 1"] };
  return [":disk", ...ways[how], ""];
}

/** A line on the console, if it is plain words: what iPXE would read as more than words is left out. */
const say = (text: string): string[] => (/^[A-Za-z0-9 .,:_-]+$/.test(text) ? [`echo Lightsout: ${text}`] : []);
