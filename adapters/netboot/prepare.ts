import type { Assets } from "./assets.ts";
import type { Arms, Netboot } from "./port.ts";
import { createProfile } from "./profile.ts";

/** What is declared of a machine, as far as it is booted from the network. */
export interface BootDeclaration {
  readonly schematic: string;
  /** With `v`: `v1.13.9`. */
  readonly version: string;
  readonly arch: "amd64" | "arm64";
}

/**
 * Netboot as functions use it.
 *
 * @param options.url where machines reach the boot server
 * @param options.declared throws for a machine of which nothing is declared
 */
export function createPreparation(options: {
  arms: Arms;
  assets: Pick<Assets, "ensure">;
  url: () => string;
  declared: (machine: string) => BootDeclaration;
  by: (machine: string) => "pxe" | "http" | "media" | "first";
}): Netboot {
  const { arms, assets, by, declared, url } = options;
  return {
    arms,
    async prepare(machine, { wipe }, signal) {
      const declaration = declared(machine);
      if (by(machine) === "media") await assets.ensure(imageOf(declaration), signal);
      return await createProfile(assets, { ...declaration, wipe }, signal);
    },
    way(machine) {
      const way = by(machine);
      if (way === "pxe" || way === "first") return { by: way };
      const declaration = declared(machine);
      const uri = way === "media" ? `${url()}/assets/${imageOf(declaration)}` : `${url()}/efi/${programOf(declaration)}`;
      return { by: way, uri };
    },
  };
}

const imageOf = ({ arch, schematic, version }: BootDeclaration) => `${schematic}/${version}/metal-${arch}.iso`;

/** The names that the generated dnsmasq configuration gives out too. */
const programOf = ({ arch }: BootDeclaration) => (arch === "arm64" ? "snponly-arm64.efi" : "snponly.efi");
