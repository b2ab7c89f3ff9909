import { randomBytes } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { Host, HostAction } from "./host.ts";
import { onDrive } from "./redfish-media.ts";
import { type Personality, personalities } from "./redfish-personalities.ts";
import { type BmcState, documents, etagOf, meant, pathsOf } from "./redfish-resources.ts";

/** One request as it arrived. */
export interface BmcRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: unknown;
}

/** What the BMC answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
}

/** The Redfish service of one BMC: logins, documents, and what changes the host. */
export interface RedfishService {
  answer(request: BmcRequest): Answer;
  readonly state: BmcState;
  changePassword(password: string): void;
}

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

/** @param restart called when somebody restarts the BMC itself */
export function createRedfishService(options: {
  host: Host;
  personality: Personality;
  user: string;
  password: string;
  role: BmcState["account"]["role"];
  restart(): void;
}): RedfishService {
  const { host, personality, user } = options;
  const paths = pathsOf(personality);
  const state: BmcState = { lit: false, ejected: undefined, tasks: new Map(), sessions: new Map(), account: { user, role: options.role } };
  let password = options.password;
  let ids = 0;

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
    return task(() => undefined);
  };

  const task = (work: () => void): Answer => {
    ids += 1;
    const monitor = `${paths.at("TaskService", "TaskMonitors", String(ids))}`;
    state.tasks.set(monitor, { left: 1, work });
    return { status: 202, headers: { Location: monitor, "Retry-After": "1" }, body: { Id: String(ids), TaskState: "Running" } };
  };

  const accept = (work: () => void): Answer => {
    if (personality.accepts === 202) return task(work);
    work();
    return { status: personality.accepts, body: success };
  };

  const precondition = ({ headers }: BmcRequest, found: Record<string, unknown> | undefined): Answer | undefined => {
    const match = headers["if-match"];
    if (personality.precondition && match === undefined) return error(428, "Base.1.8.PreconditionRequired", "If-Match is needed.");
    const current = etagOf(found, personality.etag);
    const taken = personality.weakRefused ? current?.replace(/^W\//, "") : current;
    if (match === undefined || match === "*" || current === undefined || match === taken) return undefined;
    return error(412, "Base.1.8.PreconditionFailed", "The ETag does not match.");
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
    const uri = boot.HttpBootUri ?? host.boot.uri;
    host.boot = {
      target: now,
      once: now !== "none" && enabled !== "Continuous",
      mode: String(mode),
      ...(typeof uri === "string" && uri !== "" ? { uri } : {}),
    };
    return { status: personality.accepts === 200 ? 200 : 204, body: success };
  };

  const answer = (request: BmcRequest): Answer => {
    const { method, path } = request;
    const [bare = path, query = ""] = path.split("?");
    if (!allowed(request)) return error(401, "Base.1.8.InsufficientPrivilege", "Authentication is needed.");
    const docs = documents(host, personality, state);
    if (method === "GET") {
      const running = state.tasks.get(bare);
      if (running) {
        running.left -= 1;
        if (running.left >= 0) return { status: 202, headers: { Location: bare, "Retry-After": "1" } };
        if (running.left === -1) running.work();
        return { status: 200, body: { TaskState: "Completed" } };
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
      options.restart();
      state.sessions.clear();
      return { status: 204 };
    }
    if (method === "PATCH") {
      const refused = precondition(request, docs.get(bare) ?? docs.get(`${bare}/`));
      if (refused) return refused;
    }
    if (method === "PATCH" && same(bare, paths.system)) return change(request.body);
    const refuse = (id: string, message: string, args?: string[]) => error(400, id, message, args);
    const drive = onDrive(request, { host, personality, paths, state, accept, refuse });
    if (drive) return drive;
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

  return {
    answer,
    state,
    changePassword(next) {
      password = next;
      state.sessions.clear();
    },
  };
}

const success = { "@Message.ExtendedInfo": [{ MessageId: "Base.1.8.Success", Message: "Done." }] };

const same = (one: string, other: string) => one.replace(/\/$/, "") === other.replace(/\/$/, "");

function expanded(found: Record<string, unknown>, docs: Map<string, Record<string, unknown>>): Record<string, unknown> {
  const members = found.Members;
  if (!Array.isArray(members)) return found;
  return { ...found, Members: members.map((member: Record<string, unknown>) => docs.get(String(member["@odata.id"])) ?? member) };
}
