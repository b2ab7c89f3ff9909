import { type Clock, DeviceError } from "#events";
import { createGovernor } from "../governor.ts";
import { createAuth, type RedfishAuth } from "./auth.ts";
import { type Client, createClient } from "./client.ts";
import { discover, type Service } from "./discovery.ts";
import type { Fields } from "./fields.ts";
import { createHttp, type Timeouts } from "./http.ts";
import type { Expected } from "./identity.ts";
import type { Reply } from "./reply.ts";
import type { RedfishTls } from "./tls.ts";

/** Everything needed to talk to one machine's BMC. */
export interface RedfishOptions {
  readonly machine: string;
  /** Host name or address, with `:port` where it is not the protocol's own. */
  readonly address: string;
  readonly user: string;
  readonly password: string;
  readonly tls: RedfishTls;
  /** Default `auto`. */
  readonly auth?: RedfishAuth;
  /** Who the machine is: a BMC that reports somebody else is refused. */
  readonly expect: Expected;
  readonly clock: Clock;
  /** Least milliseconds between two requests; default 0. */
  readonly spacingMs?: number;
  readonly timeouts?: Timeouts;
}

/** One login and one discovery, shared by the connection for reads and the connections made for single acts. */
export interface Session {
  readonly reads: Client;
  /** Runs `work` on a connection made for it alone. */
  alone<T>(work: (client: Client) => Promise<T>): Promise<T>;
  /** Where things stand; discovered once, and again after the system was not found there. */
  service(client: Client, signal?: AbortSignal): Promise<Service>;
  /** The system as it is now. */
  system(client: Client, signal?: AbortSignal): Promise<{ service: Service; system: Fields; reply: Reply }>;
  close(): Promise<void>;
}

/** Nothing is sent before the first read or act. */
export function createSession(options: RedfishOptions): Session {
  const { machine, address, tls, user, password, clock, expect } = options;
  const governor = createGovernor({ machine, clock, ...(options.spacingMs === undefined ? {} : { spacingMs: options.spacingMs }) });
  const auth = createAuth({ machine, user, password, governor, ...(options.auth ? { mode: options.auth } : {}) });
  const open = () => createHttp({ machine, address, tls, secret: password, ...(options.timeouts ? { timeouts: options.timeouts } : {}) });
  const http = open();
  const reads = createClient({ machine, http, auth, governor, clock });
  let known: Service | undefined;
  let closed = false;

  const assertOpen = () => {
    if (!closed) return;
    throw new DeviceError("LO_BMC_UNREACHABLE", { target: machine, operation: "connect", effect: "none" }, "this connection was closed");
  };
  const service = async (client: Client, signal?: AbortSignal) => {
    assertOpen();
    known ??= await discover(machine, client, expect, signal);
    return known;
  };
  return {
    reads,
    async alone(work) {
      const client = createClient({ machine, http: open(), auth, governor, clock });
      try {
        return await work(client);
      } finally {
        await client.close();
      }
    },
    service,
    async system(client, signal) {
      const found = await service(client, signal);
      try {
        const { body, reply } = await client.get(found.system, signal);
        return { service: found, system: body, reply };
      } catch (error) {
        known = undefined;
        throw error;
      }
    },
    async close() {
      if (closed) return;
      closed = true;
      await auth.close(http);
      await reads.close();
    },
  };
}
