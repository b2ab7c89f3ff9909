import type { TalosSlot } from "./talos-storage.ts";

/** What is made of a Talos for loading it. */
export type BootAssetKind = "kernel" | "initramfs" | "image";

/** A boot asset of the lab. It is small and says what it is, so that what was loaded is what starts. */
export function bootAsset(kind: BootAssetKind, { version, schematic }: TalosSlot): Buffer {
  const head = Buffer.from(`lab ${kind} ${version} ${schematic ?? "none"}\n`);
  return Buffer.concat([head, Buffer.alloc(16_384 - head.length, ".")]);
}

/** What the bytes start, or `undefined` when they are no such asset, as firmware finds out by looking at them. */
export function readBootAsset(kind: BootAssetKind, bytes: Buffer): TalosSlot | undefined {
  const [, found, version, schematic] = /^lab (\w+) (\S+) (\S+)\n/.exec(bytes.subarray(0, 200).toString("latin1")) ?? [];
  if (found !== kind || version === undefined) return undefined;
  return { version, schematic: schematic === "none" ? undefined : schematic };
}
