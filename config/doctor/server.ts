import { createServer } from "node:net";
import { isLoopback } from "#adapters/http/loopback.ts";
import type { MachineRow } from "#adapters/http/port.ts";
import { type Listen, listen } from "../schema/address.ts";
import type { Config } from "../schema.ts";
import { type Finding, failure, ok, warning } from "./check.ts";

/** A Lightsout that answers where this configuration says. */
export interface Running {
  readonly url: string;
  readonly ok: boolean;
  readonly site: string;
  readonly version: string;
  readonly upToDate: boolean;
  /** What it says of its store. */
  readonly store: { readonly ok: boolean; readonly detail: string } | undefined;
}

/** Where the API is meant to listen. `given` is the `LIGHTSOUT_LISTEN` that overrules the configuration. */
export function listenOf({ http }: Config, given: string | undefined): Listen {
  const read = given === undefined ? undefined : listen.safeParse(given);
  return read?.success ? read.data : http.listen;
}

/** Asks who answers at an address of this host; `undefined` where it is no Lightsout. Never rejects. */
export async function findRunning({ host, port }: Listen): Promise<Running | undefined> {
  const local = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const url = `http://${local.includes(":") ? `[${local}]` : local}:${port}`;
  try {
    const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(5000), redirect: "error" });
    const said = (await answer.json()) as Partial<Running> | null;
    if (typeof said?.site !== "string" || typeof said.version !== "string") return undefined;
    const { site, store, version } = said;
    return { url, site, version, ok: said.ok === true, upToDate: said.upToDate !== false, store };
  } catch {
    return undefined;
  }
}

/** The certificates that a running Lightsout pinned on first use, by machine; `undefined` where it does not tell us. Never rejects. */
export async function readPins({ url }: Running, token: string | undefined): Promise<ReadonlyMap<string, string> | undefined> {
  const headers = token === undefined || token === "" ? {} : { authorization: `Bearer ${token}` };
  try {
    const answer = await fetch(`${url}/v1/machines`, { headers, signal: AbortSignal.timeout(20_000), redirect: "error" });
    if (!answer.ok) return undefined;
    const { machines } = (await answer.json()) as { machines: readonly MachineRow[] };
    return new Map(machines.flatMap(({ name, pinned }) => (pinned === undefined ? [] : [[name, pinned] as const])));
  } catch {
    return undefined;
  }
}

/** Who may use the API, and whether it can listen, or does. */
export async function checkServer(config: Config, at: Listen, running: Running | undefined): Promise<readonly Finding[]> {
  const { tokens } = config.http;
  const place = `${at.host}:${at.port}`;
  const who =
    tokens.length > 0
      ? ok(
          "access",
          `${tokens.length} token${tokens.length === 1 ? "" : "s"}: ${tokens.map(({ name, role }) => `${name} (${role})`).join(", ")}`,
        )
      : isLoopback(at.host)
        ? ok("access", `${place} is loopback and has no tokens: everybody on this host may do everything`)
        : failure("access", `${place} is reachable from outside, and there are no tokens`, "Make one with: lightsout token");
  return [who, await checkListener(at, running, config.site)];
}

async function checkListener(at: Listen, running: Running | undefined, site: string): Promise<Finding> {
  if (running && running.site !== site) {
    const todo = "Stop it, or give one of the two another http.listen";
    return failure("listener", `${running.url} is served by a Lightsout of site ${running.site}, this is ${site}`, todo);
  }
  if (running && !running.upToDate) {
    const seen = `Lightsout ${running.version} runs at ${running.url}, and does not use its file as it is now`;
    return warning("listener", seen, "Mend what is said above, or see its log; it is read again as soon as it changes");
  }
  if (running?.ok) return ok("listener", `Lightsout ${running.version} runs at ${running.url}, and is well`);
  if (running)
    return warning(
      "listener",
      `Lightsout ${running.version} runs at ${running.url}, and is not well`,
      "See what it says: lightsout runs, and its log",
    );
  const trouble = await bindable(at);
  if (trouble === undefined) return ok("listener", `no Lightsout runs here; ${at.host}:${at.port} is free`);
  return failure("listener", `${at.host}:${at.port} cannot be listened on (${trouble})`, listenHint(trouble, "http.listen"));
}

/** What to do where an address cannot be listened on. */
export const listenHint = (code: string, key: string): string =>
  code === "EADDRINUSE"
    ? `Another program has the port: stop it, or choose another in ${key}`
    : code === "EADDRNOTAVAIL"
      ? `This host has no such address: correct ${key}`
      : code === "EACCES"
        ? `Ports below 1024 need a privilege: choose another in ${key}`
        : `Correct ${key}`;

/** Listens for a moment; answers why that is not possible. */
export function bindable({ host, port }: Listen): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ host, port }, () => server.close(() => resolve(undefined)));
  });
}
