import { randomBytes, X509Certificate } from "node:crypto";
import { createServer as createPlainServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer, Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import type { Clock } from "#events";
import type { Host, HostAction } from "./host.ts";
import { createLabCertificate, type LabCertificate } from "./kube-cert.ts";
import { type Personality, type PersonalityName, personalities } from "./redfish-personalities.ts";
import { type BmcState, documents, etagOf, meant, pathsOf } from "./redfish-resources.ts";

/** One request as it arrived. */
export interface BmcRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: unknown;
}

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

const actions: Readonly<Record<string, HostAction>> = {
  On: "on",
  ForceOn: "on",
  ForceOff: "force-off",
  GracefulShutdown: "graceful-off",
  GracefulRestart: "reset",
  ForceRestart: "reset",
  PowerCycle: "cycle",
  Nmi: "nmi",
};

/**
 * Starts a BMC of one maker on 127.0.0.1 that drives `host`. Faults of the host that concern its BMC hold: dead, without mains, lossy,
 * lying, reporting another identity.
 * @param restartMs how long a restart of the BMC itself takes; default one minute of `clock`
 * @param seed of the dice that drop requests
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
}): Promise<RedfishBmc> {
  const { host, clock, user, restartMs = 60_000 } = options;
  const personality: Personality = personalities[options.personality];
  const paths = pathsOf(personality);
  const state: BmcState = { lit: false, tasks: new Map(), sessions: new Map() };
  const requests: BmcRequest[] = [];
  const sockets = new Set<Socket>();
  const roll = dice(options.seed ?? 1);
  shared ??= createLabCertificate("BMC of the lab");
  let certificate = shared;
  let password = options.password;
  let connections = 0;
  let awayUntil = Number.NEGATIVE_INFINITY;
  let ids = 0;

  const silent = () => host.faults.bmcDead || host.faults.noMains;
  const gone = () => silent() || clock.mono() < awayUntil;

  const error = (status: number, id: string, message: string, args: string[] = []): Answer => ({
    status,
    body: {
      error: {
        code: "Base.1.8.GeneralError",
        message: "See ExtendedInfo",
        "@Message.ExtendedInfo": [{ MessageId: id, Message: message, MessageArgs: args, Severity: "Critical" }],
      },
    },
  });

  const allowed = ({ method, path, headers }: BmcRequest): boolean => {
    if (method === "GET" && [paths.root, "/redfish/v1", "/redfish"].includes(path)) return true;
    if (method === "POST" && same(path, paths.sessions)) return true;
    const token = headers["x-auth-token"];
    if (typeof token === "string") return state.sessions.has(token);
    return headers.authorization === `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  };

  const login = (body: unknown): Answer => {
    const given = body as { UserName?: unknown; Password?: unknown } | undefined;
    if (given?.UserName !== user || given.Password !== password) return error(401, "Base.1.8.InsufficientPrivilege", "Login failed.");
    if (state.sessions.size >= personality.sessions) return error(503, personality.full, "The maximum number of sessions is reached.");
    const token = randomBytes(16).toString("hex");
    ids += 1;
    const path = `${paths.sessions.replace(/\/$/, "")}/${ids}${personality.slash ? "/" : ""}`;
    state.sessions.set(token, path);
    return {
      status: 201,
      headers: { "X-Auth-Token": token, Location: path },
      body: { "@odata.id": path, Id: String(ids), UserName: user },
    };
  };

  const reset = (body: unknown): Answer => {
    const type = String((body as { ResetType?: unknown } | undefined)?.ResetType);
    if (!personality.resetTypes.includes(type)) {
      return error(400, "Base.1.8.ActionParameterValueNotInList", `The value ${type} is not in the list of acceptable values.`, [type]);
    }
    const action = type === "PushPowerButton" ? (host.power() === "off" ? "on" : "graceful-off") : actions[type];
    const done = action ? host.press(action, "redfish") : "done";
    const refusal = personality.already ?? (host.faults.refusesAlready ? personalities.dell.already : undefined);
    if (done === "already" && refusal) return error(refusal.status, refusal.id, refusal.message);
    if (personality.accepts !== 202) return personality.accepts === 204 ? { status: 204 } : { status: 200, body: success };
    ids += 1;
    const monitor = `${paths.at("TaskService", "TaskMonitors", String(ids))}`;
    state.tasks.set(monitor, 1);
    return { status: 202, headers: { Location: monitor, "Retry-After": "1" }, body: { Id: String(ids), TaskState: "Running" } };
  };

  const change = (body: unknown): Answer => {
    const sent = (body ?? {}) as Record<string, unknown>;
    if (personality.light in sent)
      state.lit = sent[personality.light] === true || ["Blinking", "Lit"].includes(String(sent[personality.light]));
    const boot = sent.Boot as Record<string, unknown> | undefined;
    if (!boot) return { status: 204 };
    if (personality.refusesInPost && host.posting()) return error(400, personality.refusesInPost, "Not possible while POST runs.");
    const target = boot.BootSourceOverrideTarget;
    if (target !== undefined && !personality.targets.includes(String(target))) {
      return error(400, "Base.1.8.PropertyValueNotInList", `${String(target)} is not in the list of acceptable values.`);
    }
    const enabled = boot.BootSourceOverrideEnabled;
    const mode = boot.BootSourceOverrideMode ?? (personality.mode === "reverts" ? "Legacy" : host.boot.mode);
    const now = enabled === "Disabled" ? "none" : target === undefined ? host.boot.target : meant(String(target));
    host.boot = { target: now, once: now !== "none" && enabled !== "Continuous", mode: String(mode) };
    return { status: personality.accepts === 200 ? 200 : 204, body: success };
  };

  const answer = (request: BmcRequest): Answer => {
    const { method, path, headers } = request;
    const [bare = path, query = ""] = path.split("?");
    if (!allowed(request)) return error(401, "Base.1.8.InsufficientPrivilege", "Authentication is needed.");
    const docs = documents(host, personality, state);
    if (method === "GET") {
      const left = state.tasks.get(bare);
      if (left !== undefined) {
        state.tasks.set(bare, left - 1);
        return left > 0
          ? { status: 202, headers: { Location: bare, "Retry-After": "1" } }
          : { status: 200, body: { TaskState: "Completed" } };
      }
      if (personality.slash && !bare.endsWith("/") && docs.has(`${bare}/`)) return { status: 308, headers: { Location: `${bare}/` } };
      const found = docs.get(bare) ?? docs.get(bare.replace(/\/$/, "")) ?? docs.get(`${bare}/`);
      if (!found) return error(404, "Base.1.8.ResourceMissingAtURI", `The resource ${bare} was not found.`);
      const etag = etagOf(found, personality.etag);
      return { status: 200, body: query.includes("expand") ? expanded(found, docs) : found, ...(etag ? { headers: { ETag: etag } } : {}) };
    }
    if (method === "POST" && same(bare, paths.sessions)) return login(request.body);
    if (method === "POST" && same(bare, paths.reset)) return reset(request.body);
    if (method === "POST" && same(bare, paths.managerReset)) {
      awayUntil = clock.mono() + restartMs;
      state.sessions.clear();
      return { status: 204 };
    }
    if (method === "PATCH" && same(bare, paths.system)) {
      const match = headers["if-match"];
      if (personality.precondition && match === undefined) return error(428, "Base.1.8.PreconditionRequired", "If-Match is needed.");
      const current = etagOf(docs.get(paths.system), personality.etag);
      const accepted = options.personality === "ami" ? [current?.replace(/^W\//, "")] : [current];
      if (match !== undefined && match !== "*" && current !== undefined && !accepted.includes(match)) {
        return error(412, "Base.1.8.PreconditionFailed", "The ETag does not match.");
      }
      return change(request.body);
    }
    if (method === "DELETE") {
      for (const [token, session] of state.sessions) {
        if (same(session, bare)) {
          state.sessions.delete(token);
          return { status: 204 };
        }
      }
    }
    return error(405, "Base.1.8.ActionNotSupported", "Not supported here.");
  };

  const serve = async (incoming: IncomingMessage, response: ServerResponse) => {
    const parts: Buffer[] = [];
    for await (const part of incoming) parts.push(part as Buffer);
    const { method = "GET", url = "/", headers } = incoming;
    const request: BmcRequest = { method, path: url, headers, body: parsed(Buffer.concat(parts).toString("utf8")) };
    if (gone() || roll() < host.faults.loss) return void incoming.socket.destroy();
    requests.push(request);
    const instead = bmc.intercept?.(request);
    if (instead === "drop") return void incoming.socket.destroy();
    if (instead === "hang") return;
    const result: Answer = typeof instead === "object" ? instead : answer(request);
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
    sessions: () => state.sessions.size,
    expireSessions: () => state.sessions.clear(),
    changePassword: (next) => {
      password = next;
      state.sessions.clear();
    },
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

interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

const success = { "@Message.ExtendedInfo": [{ MessageId: "Base.1.8.Success", Message: "Done." }] };

const same = (one: string, other: string) => one.replace(/\/$/, "") === other.replace(/\/$/, "");

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function expanded(found: Record<string, unknown>, docs: Map<string, Record<string, unknown>>): Record<string, unknown> {
  const members = found.Members;
  if (!Array.isArray(members)) return found;
  return { ...found, Members: members.map((member: Record<string, unknown>) => docs.get(String(member["@odata.id"])) ?? member) };
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
