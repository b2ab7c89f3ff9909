import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createArms, createAssets, createPreparation } from "#adapters/netboot/mod.ts";
import { createMemoryStore, LightsoutError, systemClock } from "#events";
import { createRig, fill, profile, schematic, temporaryFolder } from "./rig.ts";

type Way = "pxe" | "http" | "media" | "first";

async function preparing(options: { by?: Way; arch?: "amd64" | "arm64"; files?: Record<string, string>; url?: string } = {}) {
  const { arch = "amd64", by = "pxe", url = "http://10.0.10.2:7481" } = options;
  const folder = await temporaryFolder();
  const at = (file: string) => `${schematic}/v1.13.9/${file}`;
  await fill(folder, {
    [at(`kernel-${arch}`)]: "kernel",
    [at(`initramfs-${arch}.xz`)]: "initramfs",
    [at(`cmdline-metal-${arch}`)]: "talos.platform=metal slab_nomerge\n",
    ...Object.fromEntries(Object.entries(options.files ?? {}).map(([file, content]) => [at(file), content])),
  });
  const store = createMemoryStore({ clock: systemClock });
  return createPreparation({
    arms: createArms({ kv: store.kv, clock: systemClock }),
    assets: createAssets({ folder }),
    url: () => url,
    declared(machine) {
      if (machine !== "gpu-02") throw new LightsoutError("LO_NOT_DECLARED", `nothing is declared of ${machine}`);
      return { schematic, version: "v1.13.9", arch };
    },
    by: () => by,
  });
}

describe("preparing a network boot", () => {
  it("gives kernel, initramfs and the schematic's own arguments", async () => {
    const netboot = await preparing();
    expect(await netboot.prepare("gpu-02", { wipe: true })).toEqual({
      kernel: profile.kernel,
      initramfs: profile.initramfs,
      args: ["talos.platform=metal", "slab_nomerge"],
      wipe: true,
    });
  });

  it("fails before anything is armed when a file cannot be had", async () => {
    const netboot = await preparing({ arch: "amd64" });
    await expect(netboot.prepare("gpu-03", { wipe: false })).rejects.toMatchObject({ code: "LO_NOT_DECLARED" });
    const without = await preparing({ by: "media" });
    await expect(without.prepare("gpu-02", { wipe: false })).rejects.toMatchObject({ code: "LO_ASSET", message: /metal-amd64\.iso/ });
  });

  it("has the image too where a machine boots from virtual media", async () => {
    const netboot = await preparing({ by: "media", files: { "metal-amd64.iso": "image" } });
    expect(await netboot.prepare("gpu-02", { wipe: false })).toMatchObject({ kernel: profile.kernel });
  });
});

describe("the way to the network", () => {
  it.each<[Way, "amd64" | "arm64", string | undefined]>([
    ["pxe", "amd64", undefined],
    ["first", "amd64", undefined],
    ["http", "amd64", "http://10.0.10.2:7481/efi/snponly.efi"],
    ["http", "arm64", "http://10.0.10.2:7481/efi/snponly-arm64.efi"],
    ["media", "amd64", `http://10.0.10.2:7481/assets/${schematic}/v1.13.9/metal-amd64.iso`],
    ["media", "arm64", `http://10.0.10.2:7481/assets/${schematic}/v1.13.9/metal-arm64.iso`],
  ])("%s on %s leads to %s", async (by, arch, uri) => {
    expect((await preparing({ by, arch })).way("gpu-02")).toEqual({ by, ...(uri !== undefined && { uri }) });
  });

  it("leads to what the boot server really serves", async () => {
    const { folder, get, url } = await createRig();
    await fill(folder, { [`${schematic}/v1.13.9/metal-amd64.iso`]: "image" });
    const way = (await preparing({ by: "media", url })).way("gpu-02");
    const path = "uri" in way ? way.uri.slice(url.length) : "";
    expect(await (await get(path)).text()).toBe("image");
    expect(await readFile(join(folder, path.slice("/assets/".length)), "utf8")).toBe("image");
  });
});
