import { X509Certificate } from "node:crypto";
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import type { Clock } from "#events";
import type { Host } from "./host.ts";
import { createLabCertificate, type LabCertificate } from "./kube-cert.ts";
import { type Personality, type PersonalityName, personalities } from "./redfish-personalities.ts";
import { type Answer, type BmcRequest, createRedfishService } from "./redfish-service.ts";

/** What a test makes the BMC do with one request instead of its work; the `then-` ones do the work first, `then-close` answers too. */
export type Interception =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: unknown }
  | "hang"
  | "drop"
  | "then-hang"
  | "then-drop"
  | "then-close";

/** A simulated BMC over HTTPS. */
export interface RedfishBmc {
  readonly port: number;
  /** SHA-256 of the certificate shown now. */
  fingerprint(): string;
  /** What signed the certificate shown now, PEM. */
  ca(): string;
  /** Every request that was read, oldest first. */
  readonly requests: readonly BmcRequest[];
  /** Connections accepted so far. */
  connections(): number;
  /** Sessions open now. */
  sessions(): number;
  /** Ends all sessions, as their idle time does. */
  expireSessions(): void;
  changePassword(password: string): void;
  changeCertificate(): void;
  /** Asked for every request; `undefined` lets it through. */
  intercept: ((request: BmcRequest) => Interception | undefined) | undefined;
  close(): Promise<void>;
}

let shared: LabCertificate | undefined;

/**
 * Starts a BMC of one maker on 127.0.0.1 that drives `host`. Faults of the host that concern its BMC hold: dead, without mains, lossy,
 * lying, reporting another identity.
 * @param restartMs how long a restart of the BMC itself takes; default one minute of `clock`
 * @param seed of the dice that drop requests
 * @param role of the account; default Operator
 * @param tls weaker or stronger than Node's defaults, or `plain` for none at all
 */
export async function createRedfishBmc(options: {
  host: Host;
  clock: Clock;
  personality: PersonalityName;
  user: string;
  password: string;
  port?: number;
  restartMs?: number;
  seed?: number;
  tls?: TlsOptions | "plain";
  role?: "Administrator" | "Operator" | "ReadOnly";
}): Promise<RedfishBmc> {
  const { host, clock, restartMs = 60_000 } = options;
  const personality: Personality = personalities[options.personality];
  const requests: BmcRequest[] = [];
  const sockets = new Set<Socket>();
  const roll = dice(options.seed ?? 1);
  shared ??= createLabCertificate("BMC of the lab");
  let certificate = shared;
  let connections = 0;
  let awayUntil = Number.NEGATIVE_INFINITY;

  const service = createRedfishService({
    host,
    personality,
    user: options.user,
    password: options.password,
    role: options.role ?? "Operator",
    restart: () => {
      awayUntil = clock.mono() + restartMs;
    },
  });
  const silent = () => host.faults.bmcDead || host.faults.noMains;
  const gone = () => silent() || clock.mono() < awayUntil;

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const { method = "GET", url = "/", headers } = incoming;
    const request: BmcRequest = { method, path: url, headers, body: parsed(Buffer.concat(parts).toString("utf8")) };
    // Lost is the request or, as often, its answer.
    const lost = roll() < host.faults.loss ? (roll() < 0.5 ? "drop" : "then-drop") : undefined;
    if (gone() || lost === "drop") return void incoming.socket.destroy();
    requests.push(request);
    const instead = bmc.intercept?.(request) ?? lost;
    if (instead === "drop") return void incoming.socket.destroy();
    if (instead === "hang") return;
    const result: Answer = typeof instead === "object" ? instead : service.answer(request);
    if (instead === "then-drop" || silent()) return void incoming.socket.destroy();
    if (instead === "then-hang") return;
    const body =
      result.body === undefined || result.status === 204 ? "" : typeof result.body === "string" ? result.body : JSON.stringify(result.body);
    response
      .writeHead(result.status, {
        "Content-Type": "application/json",
        "OData-Version": "4.0",
        ...(instead === "then-close" ? { Connection: "close" } : {}),
        ...result.headers,
      })
      .end(body);
  };

  const listener = (incoming: IncomingMessage, response: ServerResponse) => {
    serve(incoming, response).catch(() => incoming.socket.destroy());
  };
  const shown = { key: certificate.key, cert: certificate.cert };
  const server = options.tls === "plain" ? createPlainServer(listener) : createServer({ ...shown, ...options.tls }, listener);
  server.on("connection", (socket: Socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => undefined);
    if (gone()) socket.destroy();
  });
  await new Promise<void>((listening) => server.listen(options.port ?? 0, "127.0.0.1", listening));

  const bmc: RedfishBmc = {
    port: (server.address() as AddressInfo).port,
    fingerprint: () => new X509Certificate(certificate.cert).fingerprint256,
    ca: () => certificate.ca,
    requests,
    connections: () => connections,
    sessions: () => service.state.sessions.size,
    expireSessions: () => service.state.sessions.clear(),
    changePassword: service.changePassword,
    changeCertificate: () => {
      certificate = createLabCertificate("BMC of the lab, again");
      if (server instanceof Server) server.setSecureContext({ key: certificate.key, cert: certificate.cert });
      for (const socket of sockets) socket.destroy();
    },
    intercept: undefined,
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        for (const socket of sockets) socket.destroy();
      }),
  };
  return bmc;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Numbers from 0 to 1 that are the same in every run (mulberry32). */
function dice(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
