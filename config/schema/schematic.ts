import { z } from "zod";
import { type Schematic, schematicId } from "#adapters/machineconfig/mod.ts";
import { LightsoutError } from "#events";
import { section } from "./section.ts";
import { choice, flag, like, Refused, text, value, whole } from "./value.ts";

const idForm = like(/^[0-9a-f]{64}$/);

const id = value(
  "the id of a schematic: 64 hexadecimal digits",
  (given) =>
    /^[0-9a-f]{64}$/.test(given)
      ? given
      : new Refused("is not the id of a schematic", "Write the 64 digits that the Image Factory answers"),
  idForm,
);

const customization = section({
  extraKernelArgs: z.array(text("a kernel argument")).optional().describe("Arguments added to the kernel's command line."),
  meta: z
    .array(
      section({
        key: whole(0, 255).describe("Number of the key in the META partition."),
        value: text("what stands under this key").describe("What stands under the key."),
      }),
    )
    .optional()
    .describe("What the META partition holds from the start."),
  systemExtensions: section({
    officialExtensions: z.array(text("an extension")).optional().describe("Official extensions, such as siderolabs/intel-ucode."),
  })
    .optional()
    .describe("Extensions in the image."),
  bootloader: choice(["auto", "dual-boot", "grub", "sd-boot"])
    .optional()
    .describe("The boot loader in the image; the Image Factory chooses without it."),
  secureboot: section({
    enrollKeys: choice(["off", "manual", "if-safe", "force"]).optional().describe("When Secure Boot keys are enrolled."),
    includeWellKnownCertificates: flag.optional().describe("Enrols Microsoft's certificates too."),
  })
    .optional()
    .describe("Secure Boot in the image."),
  diskImage: section({ sectorSize: whole(512, 65_536).optional().describe("Sector size, bytes.") })
    .optional()
    .describe("Disk images."),
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
      id: id.optional().describe("The schematic's id, 64 hexadecimal digits."),
      owner: text("the owner").optional().describe("Who owns the schematic at the Image Factory."),
      overlay: section({
        image: text("the overlay's image").describe("The overlay's image."),
        name: text("the overlay's name").describe("The overlay's name."),
      })
        .optional()
        .describe("The overlay of a single-board computer."),
      customization: customization.optional().describe("What is in the image, as the Image Factory takes it."),
    }),
  )
  .meta({ inOneWord: idForm })
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
