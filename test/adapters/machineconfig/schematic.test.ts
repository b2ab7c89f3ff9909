import fc from "fast-check";
import { expect, it } from "vitest";
import { canonicalSchematic, type Schematic, schematicId } from "#adapters/machineconfig/mod.ts";

it.each<[string, Schematic, string]>([
  ["nothing", {}, "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"],
  ["an empty customization", { customization: {} }, "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba"],
  [
    "kernel arguments",
    { customization: { extraKernelArgs: ["noapic", "nolapic"] } },
    "9cba8e32753f91a16c1837ab8abf356af021706ef284aef07380780177d9a06c",
  ],
  ["META", { customization: { meta: [{ key: 10, value: "foo" }] } }, "d308a2a5ee2277bed5fbaa104fcbc8d59122abfa737df987a95b4ca763459a7f"],
  [
    "SecureBoot certificates",
    { customization: { secureboot: { includeWellKnownCertificates: true } } },
    "fa8e05f142a851d3ee568eb0a8e5841eaf6b0ebc8df9a63df16ac5ed2c04f3e6",
  ],
  [
    "a sector size",
    { customization: { diskImage: { sectorSize: 4096 } } },
    "92833e9ddd9bb9e11b2464fa5525429f01866306d52ebd882ee08d7918f6d1ea",
  ],
  [
    "an overlay",
    { overlay: { image: "siderolabs/sbc-raspberrypi", name: "rpi_generic" } },
    "ee21ef4a5ef808a9b7484cc0dda0f25075021691c8c09a276591eedb638ea1f9",
  ],
  [
    "arguments and extensions, in any order of keys",
    {
      customization: {
        systemExtensions: { officialExtensions: ["siderolabs/gvisor", "siderolabs/intel-ucode"] },
        extraKernelArgs: ["net.ifnames=0"],
      },
    },
    "b8e8fbbe1b520989e6c52c8dc8303070cb42095997e76e812fa8892393e1d176",
  ],
  [
    "an extension",
    { customization: { systemExtensions: { officialExtensions: ["siderolabs/gvisor"] } } },
    "d9ff89777e246792e7642abd3220a616afb4e49822382e4213a2e528ab826fe5",
  ],
])("knows the Factory's id of %s", (_, schematic, id) => {
  expect(schematicId(schematic)).toBe(id);
});

it.each<Schematic>([
  { customization: { extraKernelArgs: ["yes"] } },
  { customization: { extraKernelArgs: ["a b"] } },
  { customization: { extraKernelArgs: ["0644"] } },
  { customization: { extraKernelArgs: ["12"] } },
  { customization: { extraKernelArgs: ["x: y"] } },
  { customization: { extraKernelArgs: ["x:"] } },
  { customization: { embeddedMachineConfiguration: "machine:\n  type: worker\n" } },
  { customization: { unknown: 1 } as never },
])("does not guess how the Factory writes %j", (schematic) => {
  expect(() => schematicId(schematic)).toThrow(/cannot be computed/);
});

it("writes what kernels are commonly told as it is", () => {
  const extraKernelArgs = [
    "console=ttyS1,115200",
    "-selinux",
    "8250.nr_uarts=4",
    "ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off",
    "intel_iommu=on",
  ];
  const schematic = { customization: { extraKernelArgs, bootloader: "sd-boot", secureboot: { enrollKeys: "if-safe" } } } as const;
  expect(canonicalSchematic(schematic)).toMatchInlineSnapshot(`
    "customization:
        extraKernelArgs:
            - console=ttyS1,115200
            - -selinux
            - 8250.nr_uarts=4
            - ip=10.0.0.2::10.0.0.1:255.255.255.0::eth0:off
            - intel_iommu=on
        bootloader: sd-boot
        secureboot:
            enrollKeys: if-safe
    "
  `);
});

it("never gives two different schematics one spelling", () => {
  const arg = fc
    .stringMatching(/^[a-z][a-z0-9_.]{0,8}(=[a-z0-9]{1,4})?$/)
    .filter((text) => !/^(y|n|yes|no|on|off|true|false|null|nan|inf)$/.test(text));
  const list = fc.array(arg, { maxLength: 4 });
  const schematic = fc.record({ args: list, extensions: list });
  fc.assert(
    fc.property(schematic, schematic, (a, b) => {
      const [left, right] = [a, b].map(({ args, extensions }) =>
        canonicalSchematic({ customization: { extraKernelArgs: args, systemExtensions: { officialExtensions: extensions } } }),
      );
      expect(left === right).toBe(JSON.stringify(a) === JSON.stringify(b));
    }),
  );
});
