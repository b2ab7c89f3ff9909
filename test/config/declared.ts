import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished } from "vitest";
import { parseConfig } from "#config/load.ts";
import type { Config } from "#config/schema.ts";
import { fill } from "#test/adapters/netboot/rig.ts";
import { generated } from "#test/lab/generated-config.ts";
import { editorErrors } from "./editor.ts";

export const schematic = "376567988ad370138ad8b2698212367b8edcb69b5fd68c80be1f2ec7d603b4ba";

/** Every secret of the base files: none of them may be seen anywhere but in the configuration that a machine is given. */
export const secrets = [
  ...new Set(
    [
      ...`${generated("control-plane")}${generated("worker")}`.matchAll(
        /LS0t[A-Za-z0-9+/=]+|[a-z0-9]{6}\.[a-z0-9]{16}|[A-Za-z0-9+/]{40,}=+/g,
      ),
    ].map(([secret]) => secret),
  ),
];

/** A site of two declared machines and one of which nothing is said, with its files in a folder of its own. */
export async function declaredSite(
  more: Record<string, unknown> = {},
  env: Readonly<Record<string, string>> = {},
): Promise<{ config: Config; folder: string; text: string }> {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-site-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "patches"));
  writeFileSync(join(folder, "controlplane.yaml"), generated("control-plane"));
  writeFileSync(join(folder, "worker.yaml"), generated("worker"));
  writeFileSync(join(folder, "patches/gpu.yaml"), "machine: {sysctls: {vm.max_map_count: '262144'}}");
  const at = (file: string) => `${schematic}/v1.13.9/${file}`;
  await fill(join(folder, "assets"), {
    [at("kernel-amd64")]: "kernel",
    [at("initramfs-amd64.xz")]: "initramfs",
    [at("cmdline-metal-amd64")]: "talos.platform=metal",
  });
  const text = JSON.stringify({
    site: "test",
    store: { embedded: { path: join(folder, "test.db") } },
    http: { listen: "127.0.0.1:0" },
    talos: { version: "v1.13.9", base: { controlPlane: "./controlplane.yaml", worker: "./worker.yaml" } },
    netboot: { listen: "127.0.0.1:0" },
    pools: { gpu: { talos: { patches: ["./patches/gpu.yaml"] } } },
    machines: [
      { name: "cp-01", role: "control-plane", macs: ["3c:ec:ef:00:00:01"], talos: { schematic, disk: { serial: "S-CP" } } },
      { name: "gpu-01", pool: "gpu", node: "talos-gpu-01", macs: ["3c:ec:ef:00:00:02"], talos: { schematic, disk: { wwid: "eui.1" } } },
      { name: "desk-01", serial: "SN-DESK" },
    ],
    ...more,
  });
  const config = parseConfig(text, { file: "lightsout.yaml", folder, env });
  expect(editorErrors(text)).toEqual([]);
  return { config, folder, text };
}
