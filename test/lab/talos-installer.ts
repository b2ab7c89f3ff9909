import type { TalosSlot } from "./talos-storage.ts";

/** What an installer image installs, or `undefined` where no registry has one with this name. */
export function installerSlot(image: string): TalosSlot | undefined {
  const [, factory, schematic, plain, version = ""] =
    /^(?:(factory\.talos\.dev\/(?:metal-)?installer(?:-secureboot)?)\/([0-9a-f]{64})|(ghcr\.io\/siderolabs\/installer)):(v\d+\.\d+\.\d+\S*)$/.exec(
      image,
    ) ?? [];
  // From 1.14 on there is no installer without a schematic.
  if ((!factory && !plain) || (plain && Number(version.split(".")[1]) >= 14)) return undefined;
  return { version, schematic };
}
