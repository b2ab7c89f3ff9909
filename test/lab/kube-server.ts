import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { Socket } from "node:net";
import type { LabCertificate } from "./kube-cert.ts";
import { status } from "./kube-resources.ts";

/** What the API does with requests: `refused` closes the port, `reset` tears connections, `hang` never answers. */
export type ApiMode = "ok" | "refused" | "unavailable" | "reset" | "hang";

/** The HTTPS door of the simulated API and the ways in which it can be broken. */
export interface KubeServer {
  readonly port: number;
  mode(mode: ApiMode): Promise<void>;
  /** How many TCP connections were ever accepted. */
  connections(): number;
  /** Resets every TCP connection there is. */
  resetAll(): void;
  close(): Promise<void>;
}

/** What stands behind the API: `down`, no API server runs; `no-etcd`, one runs and has nobody to ask. */
export type ApiState = "up" | "down" | "no-etcd";

export async function createKubeServer(options: {
  certificate: LabCertificate;
  /** @default always up */
  state?: () => ApiState;
  handle: (request: IncomingMessage, response: ServerResponse, body: string) => void;
}): Promise<KubeServer> {
  const sockets = new Set<Socket>();
  const { state = () => "up" } = options;
  let mode: ApiMode = "ok";
  let accepted = 0;

  const server = createServer({ key: options.certificate.key, cert: options.certificate.cert }, (request, response) => {
    const chunks: Buffer[] = [];
    request.on("error", () => undefined);
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (mode === "hang") return;
      if (mode === "reset") resetAll();
      else if (mode === "unavailable") response.writeHead(503, { "content-type": "text/plain" }).end("apiserver not ready");
      else if (state() === "no-etcd") {
        const body = status(500, "InternalError", "etcdserver: request timed out");
        response.writeHead(500, { "content-type": "application/json" }).end(JSON.stringify(body));
      } else options.handle(request, response, Buffer.concat(chunks).toString());
    });
  });
  // The TCP socket under TLS: only it can send a reset.
  server.on("connection", (socket: Socket) => {
    accepted += 1;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
    if (mode === "reset") socket.resetAndDestroy();
    else if (state() === "down") socket.destroy();
  });
  server.on("tlsClientError", () => undefined);
  const resetAll = () => {
    for (const socket of sockets) socket.resetAndDestroy();
  };
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, "127.0.0.1", done));
  const stop = () =>
    new Promise<void>((done) => {
      server.close(() => done());
      for (const socket of sockets) socket.destroy();
    });

  await listen(0);
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return {
    port,
    connections: () => accepted,
    resetAll,
    async mode(next) {
      if (next === mode) return;
      if (mode === "refused") await listen(port);
      else if (next === "refused") await stop();
      mode = next;
      if (mode === "reset") resetAll();
    },
    async close() {
      if (server.listening) await stop();
    },
  };
}
