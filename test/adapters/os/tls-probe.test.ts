import { type AddressInfo, createServer, type Server } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { expect, onTestFinished, test } from "vitest";
import { createTlsProbe } from "#adapters/os/tls-probe.ts";
import { scaledClock } from "#events";
import { createLabCertificate } from "#test/lab/kube-cert.ts";

const certificate = createLabCertificate("w1.lab");

async function listening(server: Server): Promise<number> {
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  return (server.address() as AddressInfo).port;
}

const tls = (options: object = {}) => createTlsServer({ ...certificate, ...options }).on("tlsClientError", () => undefined);

async function closedPort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((closed) => server.close(closed));
  return port;
}

function ask(ports: { kubeletPort: number; talosPort: number }, timeoutMs = 2000, signal?: AbortSignal) {
  const probe = createTlsProbe({
    addressOf: (machine) => (machine === "m1" ? { host: "127.0.0.1", ...ports } : undefined),
    clock: scaledClock(1),
    timeoutMs,
  });
  return probe.signsOfLife("m1", signal);
}

test("a TLS server answers, whoever signed it, and hears no more than a hello", async () => {
  let received = 0;
  const server = tls().on("secureConnection", (socket) => socket.on("data", (data: Buffer) => (received += data.length)));
  const port = await listening(server);
  expect(await ask({ kubeletPort: port, talosPort: await closedPort() })).toEqual([
    { service: "kubelet", answered: true, seen: "TLS, CN=w1.lab" },
    { service: "talos", answered: false, seen: "ECONNREFUSED" },
  ]);
  expect(received).toBe(0);
});

test("a server that demands a client certificate answers: Talos does", async () => {
  const port = await listening(tls({ requestCert: true, rejectUnauthorized: true, minVersion: "TLSv1.3" }));
  const old = await listening(tls({ requestCert: true, rejectUnauthorized: true, maxVersion: "TLSv1.2" }));
  for (const sign of await ask({ kubeletPort: old, talosPort: port })) expect(sign.answered).toBe(true);
});

test("a TCP accept alone is no answer: silent, closed at once, or reset", async () => {
  const silent = await listening(createServer());
  const closes = await listening(createServer((socket) => socket.end()));
  const resets = await listening(createServer((socket) => socket.on("data", () => socket.resetAndDestroy())));
  expect(await ask({ kubeletPort: silent, talosPort: closes }, 300)).toEqual([
    { service: "kubelet", answered: false, seen: "no answer in 0.3s, though the connection was accepted" },
    { service: "talos", answered: false, seen: expect.stringMatching(/after the connection was accepted, without a byte$/) },
  ]);
  expect((await ask({ kubeletPort: resets, talosPort: silent }, 300))[0]).toMatchObject({ answered: false });
});

test("an alert, an unfinished handshake and bytes that are not TLS are answers", async () => {
  const alert = await listening(tls({ maxVersion: "TLSv1.2", ciphers: "PSK" }));
  const unfinished = await listening(createServer((socket) => socket.on("data", () => socket.write(Buffer.from([0x16, 3, 3, 0, 200, 2])))));
  const http = await listening(createServer((socket) => socket.on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))));
  expect(await ask({ kubeletPort: alert, talosPort: unfinished }, 500)).toEqual([
    { service: "kubelet", answered: true, seen: expect.stringContaining("not with a TLS handshake") },
    { service: "talos", answered: true, seen: "began a TLS handshake and did not finish it" },
  ]);
  expect((await ask({ kubeletPort: http, talosPort: http }))[0]).toMatchObject({ answered: true });
});

test("an unknown machine and an unknown name are no answer", async () => {
  const probe = createTlsProbe({
    addressOf: (machine) => (machine === "m1" ? { host: "nowhere.invalid" } : undefined),
    clock: scaledClock(1),
  });
  expect(await probe.signsOfLife("m2")).toEqual([]);
  for (const sign of await probe.signsOfLife("m1"))
    expect(sign).toMatchObject({ answered: false, seen: expect.stringMatching(/ENOTFOUND|EAI_AGAIN|no answer/) });
});

test("the signal ends it, before and during", async () => {
  const silent = await listening(createServer());
  const ports = { kubeletPort: silent, talosPort: silent };
  await expect(ask(ports, 60_000, AbortSignal.abort(new Error("stopped")))).rejects.toThrow("stopped");
  const stop = new AbortController();
  const asked = ask(ports, 60_000, stop.signal);
  stop.abort(new Error("stopped now"));
  await expect(asked).rejects.toThrow("stopped now");
});
