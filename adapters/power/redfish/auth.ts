import { DeviceError } from "#events";
import type { Governor } from "../governor.ts";
import { link, pathOf, pathWithin } from "./fields.ts";
import { brokeOff, type Exchange, type Http } from "./http.ts";
import { accepted, notesOf, type Reply } from "./reply.ts";

/** `auto` logs in with a session and falls back to Basic where the BMC has no sessions or no free one. */
export type RedfishAuth = "auto" | "session" | "basic";

/** What proves to the BMC who we are: at most one session, shared by every connection. */
export interface Auth {
  /** Headers for the next request; logs in first where that is needed. One rejected login locks the governor. */
  headers(http: Http, signal?: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /** Tells of a 401 to `used`. True: the session had ended, and a read may be made again. */
  rejected(used: Readonly<Record<string, string>>): boolean;
  /** Ends the session on the BMC. */
  close(http: Http): Promise<void>;
}

/** @param mode default `auto` */
export function createAuth(options: { machine: string; user: string; password: string; mode?: RedfishAuth; governor: Governor }): Auth {
  const { machine, user, password, mode = "auto", governor } = options;
  const basic = { authorization: `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}` };
  let session: { token: string; location: string | undefined } | undefined;
  let worked = false;
  let useBasic = mode === "basic";
  let pending: Promise<void> | undefined;

  // A login changes nothing on the machine, so it is made again after a broken connection, as a read is.
  const send = async (http: Http, request: Exchange): Promise<Reply> => {
    const once = () => governor.turn("login", () => http.exchange(request));
    return once().catch((error: unknown) => {
      if (brokeOff(error)) return once();
      throw error;
    });
  };

  const login = async (http: Http, signal?: AbortSignal) => {
    const root = await send(http, { method: "GET", path: "/redfish/v1/", signal });
    // DSP0266 13.3.4.1: the link is readable without a login. Older services only name the SessionService.
    const service = link(root.body, "SessionService");
    const path = link(root.body, "Links", "Sessions") ?? (service ? `${service.replace(/\/$/, "")}/Sessions` : undefined);
    if (path === undefined && mode === "auto" && !worked && root.status < 300) {
      useBasic = true;
      return;
    }
    const reply = await post(http, path ?? "/redfish/v1/SessionService/Sessions", signal);
    const token = reply.header("x-auth-token");
    if (reply.status < 300 && token !== undefined) {
      session = { token, location: pathOf(reply.header("location")) };
      worked = true;
      return;
    }
    if (mode === "auto" && !worked && withoutSessions(reply)) {
      useBasic = true;
      return;
    }
    if ([400, 401, 403].includes(reply.status)) throw refused(reply);
    accepted(reply, { target: machine, operation: "login", changes: false });
    throw new DeviceError(
      "LO_BMC_PROTOCOL",
      { target: machine, operation: "login", effect: "none" },
      "accepted, but without X-Auth-Token",
      {
        hint: "Set auth to basic for this machine",
      },
    );
  };

  // iLO 5 before 1.40 answers 308 to paths without their trailing slash; a login may follow that on the same BMC.
  const post = async (http: Http, path: string, signal?: AbortSignal): Promise<Reply> => {
    const body = { UserName: user, Password: password };
    const reply = await send(http, { method: "POST", path, body, signal });
    const target = [307, 308].includes(reply.status) ? pathWithin(http.origin, reply.header("location")) : undefined;
    return target === undefined ? reply : send(http, { method: "POST", path: target, body, signal });
  };

  const refused = (reply: Reply): DeviceError => {
    governor.rejected();
    const change = notesOf(reply.body).some((note) => note.key === "PasswordChangeRequired");
    return new DeviceError(
      "LO_BMC_AUTH",
      { target: machine, operation: "login", effect: "none" },
      `the BMC rejected the login: ${reply.status}`,
      {
        hint: change ? "Change the factory password in the BMC's web interface" : "Check the user and password of this machine's BMC",
      },
    );
  };

  return {
    async headers(http, signal) {
      if (useBasic) return basic;
      if (!session) {
        pending ??= login(http, signal).finally(() => {
          pending = undefined;
        });
        await pending;
      }
      return session ? { "x-auth-token": session.token } : basic;
    },
    rejected(used) {
      if (used.authorization !== undefined) {
        governor.rejected();
        return false;
      }
      if (session?.token === used["x-auth-token"]) session = undefined;
      return true;
    },
    async close(http) {
      const ending = session;
      session = undefined;
      if (!ending?.location) return;
      const { location: path, token } = ending;
      await governor
        .turn("logout", () => http.exchange({ method: "DELETE", path, headers: { "x-auth-token": token } }))
        // A session that cannot be ended ends by itself after the BMC's idle time.
        .catch(() => undefined);
    },
  };
}

/** No SessionService at all (404, 405: sushy-tools), or a full session table (503; RAC0218 is iDRAC's word for it). */
function withoutSessions(reply: Reply): boolean {
  if (reply.status === 404 || reply.status === 405) return true;
  return reply.status === 503 && notesOf(reply.body).some((note) => ["RAC0218", "SessionLimitExceeded"].includes(note.key));
}
