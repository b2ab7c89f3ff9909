import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { parse } from "yaml";
import { type Schematic, schematicId } from "#adapters/machineconfig/mod.ts";
import { type BootAssetKind, bootAsset } from "./boot-asset.ts";

/** An Image Factory that has everything, in small files. */
export interface ImageFactory {
  readonly url: string;
  /** Every path that was asked for, as `GET /image/…`. */
  readonly requests: readonly string[];
  close(): Promise<void>;
}

const files: Readonly<Record<string, BootAssetKind>> = {
  "kernel-amd64": "kernel",
  "initramfs-amd64.xz": "initramfs",
  "metal-amd64.iso": "image",
};

/** What the Factory emits for metal (shared by all schematics of the lab: none of them adds arguments). */
const commandLine =
  "talos.platform=metal console=tty0 slab_nomerge pti=on consoleblank=0 printk.devkmsg=on selinux=1 module.sig_enforce=1 proc_mem.force_override=never";

export async function createImageFactory(): Promise<ImageFactory> {
  const requests: string[] = [];
  const server = createServer((request, response) => {
    const { method = "GET", url: path = "/" } = request;
    requests.push(`${method} ${path}`);
    const answer = (code: number, body: string | Buffer, type = "text/plain") => {
      const bytes = Buffer.from(body);
      response.writeHead(code, { "content-type": type, "content-length": bytes.length });
      response.end(method === "HEAD" ? undefined : bytes);
    };
    if (method === "POST" && path === "/schematics") {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("end", () => {
        const id = schematicId(parse(Buffer.concat(chunks).toString()) as Schematic);
        answer(201, JSON.stringify({ id }), "application/json");
      });
      return;
    }
    const [, schematic, version, file = ""] = /^\/image\/([0-9a-f]{64})\/(v\d+\.\d+\.\d+[^/]*)\/([^/]+)$/.exec(path) ?? [];
    const kind = files[file];
    if (version === undefined || (!kind && file !== "cmdline-metal-amd64")) return answer(404, "not found\n");
    answer(200, kind ? bootAsset(kind, { version, schematic }) : `${commandLine}\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
