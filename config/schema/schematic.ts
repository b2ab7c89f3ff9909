import { z } from "zod";
import { type Schematic, schematicId } from "#adapters/machineconfig/mod.ts";
import { LightsoutError } from "#events";
import { section } from "./section.ts";
import { choice, flag, Refused, text, value, whole } from "./value.ts";

const id = value("the id of a schematic: 64 hexadecimal digits", (given) =>
  /^[0-9a-f]{64}$/.test(given) ? given : new Refused("is not the id of a schematic", "Write the 64 digits that the Image Factory answers"),
);

const customization = section({
  extraKernelArgs: z.array(text("a kernel argument")).optional(),
  meta: z.array(section({ key: whole(0, 255), value: text("what stands under this key") })).optional(),
  systemExtensions: section({ officialExtensions: z.array(text("an extension")).optional() }).optional(),
  bootloader: choice(["auto", "dual-boot", "grub", "sd-boot"]).optional(),
  secureboot: section({
    enrollKeys: choice(["off", "manual", "if-safe", "force"]).optional(),
    includeWellKnownCertificates: flag.optional(),
  }).optional(),
  diskImage: section({ sectorSize: whole(512, 65_536).optional() }).optional(),
});

/** A schematic by its id, and what is known of it. */
export interface KnownSchematic {
  readonly id: string;
  readonly extensions?: readonly string[];
  readonly kernelArgs?: readonly string[];
}

/** `schematic`: its id, or written out as the Image Factory takes it; the id is then computed. */
export const schematic = z
  .preprocess(
    (input) => (typeof input === "string" ? { id: input } : input),
    section({
      id: id.optional(),
      owner: text("the owner").optional(),
      overlay: section({ image: text("the overlay's image"), name: text("the overlay's name") }).optional(),
      customization: customization.optional(),
    }),
  )
  .transform(({ id: given, ...written }, context): KnownSchematic => {
    const refuse = (message: string, fix: string) => {
      context.addIssue({ code: "custom", message, params: { fix }, input: undefined });
      return z.NEVER;
    };
    const says = written.owner ?? written.overlay ?? written.customization;
    if (given !== undefined && says !== undefined) return refuse("A schematic is given by its id and written out", "Keep one of the two");
    if (given !== undefined) return { id: given };
    if (says === undefined) return refuse("The schematic is empty", "Write customization: {} for one without extensions, or the id");
    try {
      const computed = schematicId(written as Schematic);
      const { extraKernelArgs = [], systemExtensions } = written.customization ?? {};
      return { id: computed, extensions: systemExtensions?.officialExtensions ?? [], kernelArgs: extraKernelArgs };
    } catch (error) {
      if (error instanceof LightsoutError) return refuse(error.message, error.hint ?? "Write the id");
      throw error;
    }
  });

/** The schematic with these official extensions and nothing else. Their order does not count. */
export function schematicOf(extensions: readonly string[]): KnownSchematic {
  const sorted = [...new Set(extensions)].toSorted();
  return {
    id: schematicId({ customization: { systemExtensions: { officialExtensions: sorted } } }),
    extensions: sorted,
    kernelArgs: [],
  };
}
