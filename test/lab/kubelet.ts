import { type AddressInfo, createServer } from "node:net";
import { createSecureContext, TLSSocket } from "node:tls";
import type { Host } from "./host.ts";
import { createLabCertificate } from "./kube-cert.ts";

/**
 * The kubelet's port of a simulated machine: it speaks TLS while the kubelet runs, and accepts without a word while the machine hangs.
 * @param runs whether the operating system has started its kubelet
 */
export async function createKubelet(host: Host, runs: () => boolean): Promise<{ port: number; close(): Promise<void> }> {
  const { key, cert } = createLabCertificate(`kubelet of ${host.name}`);
  const secureContext = createSecureContext({ key, cert });
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    if (host.power() === "off" || host.faults.noMains) return socket.destroy();
    if (host.osUp() && !runs()) return socket.destroy();
    if (host.osUp()) new TLSSocket(socket, { isServer: true, secureContext }).on("error", () => socket.destroy());
  });
  const sockets = new Set<import("node:net").Socket>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
