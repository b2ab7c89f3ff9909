import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { HttpBindings } from "@hono/node-server";
import { Hono } from "hono";
import { LightsoutError, type RuntimeLog } from "#events";
import { createIdentifier, type Seen } from "./identify.ts";
import type { Arms, Bootable, CachedAsset, DiskBoot } from "./port.ts";
import { isAssetPath } from "./profile.ts";
import { autoexecScript, bootScript, diskScript, firstScript } from "./script.ts";
import { sendFile, type Wire } from "./send.ts";

/** What the boot server saw or did. Evidence for runs, never a command. */
export interface NetbootNotice {
  readonly what: "script-armed" | "script-disk" | "kernel-sent" | "initramfs-sent" | "asset-missing" | "config-sent" | "config-refused";
  readonly machine?: string;
  readonly run?: string;
  /** Who asked. */
  readonly peer: string;
  readonly detail: string;
}

export interface NetbootOptions {
  /** Where machines reach this server, such as `http://10.0.10.2:7481`. Plain HTTP: stock iPXE speaks no TLS on BIOS. */
  readonly url: string;
  /** The machines; a changed inventory is a new array. */
  readonly machines: () => readonly Bootable[];
  readonly arms: Arms;
  readonly assets: { find(path: string): Promise<CachedAsset | undefined> };
  /** The whole machine configuration, checked before the machine was armed. */
  readonly config: (machine: string, run: string) => Promise<string>;
  /** How a machine leaves iPXE for its disk; default `auto` for all. */
  readonly diskBoot?: (machine: string) => DiskBoot;
  /** A folder with iPXE's own programs (`*.efi`), for UEFI HTTP boot. */
  readonly programs?: string;
  readonly onNotice?: (notice: NetbootNotice) => void;
  readonly log?: Pick<RuntimeLog, "note">;
}

/** A handler for `serveHttp`. It needs node:http underneath: files go out without passing through web streams. */
export interface BootServer {
  fetch(request: Request, env?: unknown): Response | Promise<Response>;
}

/**
 * The boot server: iPXE scripts at `/boot.ipxe` and `/ipxe`, an arm's kernel and initramfs at `/boot/<token>/`, its configuration at
 * `/config/<token>`, cached assets at `/assets/`, and iPXE's programs with their first script at `/efi/`. Scripts always answer 200 and lead to the disk in every
 * doubt and failure. Throws `LO_NETBOOT_URL` for a `url` that cannot stand in a script.
 */
export function createNetboot(options: NetbootOptions): BootServer {
  const { arms, assets, log } = options;
  const url = baseOf(options.url);
  const identify = createIdentifier(options.machines);
  const wayOf = (machine: string) => options.diskBoot?.(machine) ?? "auto";
  const notice = (what: NetbootNotice["what"], c: Wire, detail: string, about: { machine?: string; run?: string } = {}) =>
    options.onNotice?.({ what, ...about, peer: peerOf(c), detail });
  const app = new Hono<{ Bindings: HttpBindings }>();

  async function decide(c: Wire): Promise<string> {
    const found = identify(seenIn(c));
    if (!found.machine) {
      notice("script-disk", c, found.why);
      return diskScript("auto", "not a machine of the inventory, booting the disk");
    }
    const { name } = found.machine;
    const offer = await arms.script(name);
    const about = { machine: name, ...(offer && { run: offer.arm.run }) };
    notice(offer ? "script-armed" : "script-disk", c, offer ? (offer.arm.wiping ? "to wipe" : "to install") : "not armed", about);
    return offer ? bootScript(url, offer, wayOf(name)) : diskScript(wayOf(name), `${name} is not armed, booting its disk`);
  }

  app.get("/boot.ipxe", (c) => c.text(firstScript(url)));
  app.get("/ipxe", async (c) =>
    c.text(
      await decide(c).catch((error: unknown) => {
        log?.note("error", `netboot: a script leads to the disk because deciding failed: ${reason(error)}`);
        notice("script-disk", c, "deciding failed");
        return diskScript("auto", "the boot server failed, booting the disk");
      }),
    ),
  );

  app.get("/boot/:token/:file", async (c) => {
    const { token, file } = c.req.param();
    const arm = isToken(token) ? await arms.open(token) : undefined;
    const path = [arm?.profile.kernel, arm?.profile.initramfs].find((one) => one !== undefined && basename(one) === file);
    const asset = path === undefined ? undefined : await assets.find(path);
    if (!arm || path === undefined) return nothing(c);
    if (!asset) {
      notice("asset-missing", c, path, { machine: arm.machine, run: arm.run });
      return nothing(c);
    }
    const stage = path === arm.profile.kernel ? "kernel-sent" : "initramfs-sent";
    return sendFile(c, asset, async () => {
      const { machine, run } = arm;
      await arms.sent(token, stage, `to ${peerOf(c)}`).catch((error: unknown) => {
        log?.note("error", `netboot: ${machine}: ${stage} could not be recorded: ${reason(error)}`);
      });
      notice(stage, c, asset.sha256, { machine, run });
    });
  });

  app.get("/config/:token", async (c) => {
    const { token } = c.req.param();
    // Only a GET takes it: a probe must not use up the arm.
    if (c.req.method !== "GET" || !isToken(token)) return nothing(c);
    const owner = await arms.owner(token);
    // Composed before it is taken: what fails here can be asked for again.
    const text = owner && (await options.config(owner.machine, owner.run));
    const taken = await arms.take(token, peerOf(c));
    if (!taken.ok || text === undefined || taken.arm.machine !== owner?.machine || taken.arm.run !== owner.run) {
      notice("config-refused", c, taken.ok ? "the arm changed meanwhile" : taken.why);
      return nothing(c);
    }
    notice("config-sent", c, `${Buffer.byteLength(text)} bytes`, { machine: owner.machine, run: owner.run });
    return c.body(text, 200, { "content-type": "application/yaml", "cache-control": "no-store" });
  });

  app.get("/assets/*", async (c) => {
    const path = c.req.path.slice("/assets/".length);
    const asset = isAssetPath(path) ? await assets.find(path) : undefined;
    return asset ? sendFile(c, asset) : nothing(c);
  });

  app.get("/efi/autoexec.ipxe", (c) => c.text(autoexecScript(url)));
  app.get("/efi/:name", async (c) => {
    const { programs } = options;
    const name = c.req.param("name");
    // Only names that the folder lists: what is asked for never becomes a path.
    const has = programs !== undefined && name.endsWith(".efi") && (await readdir(programs).catch((): string[] => [])).includes(name);
    if (!has) return nothing(c);
    const bytes = await readFile(join(programs, name));
    return c.body(bytes, 200, { "content-type": "application/efi", "content-length": String(bytes.length) });
  });

  app.notFound((c) => c.text("There is nothing here\n", 404));
  app.onError((error, c) => {
    // Without the path: it may hold a token.
    log?.note("error", `netboot: a request failed: ${error.message}`);
    return c.text("Try again\n", 503, { "retry-after": "5" });
  });
  return { fetch: (request, env) => app.fetch(request, env as HttpBindings) };
}

function seenIn(c: Wire): Seen {
  const all = (key: string) => (c.req.queries(key) ?? []).slice(0, 8).map((value) => value.slice(0, 200));
  return { uuids: all("uuid"), serials: all("serial"), macs: all("mac") };
}

function baseOf(url: string): string {
  const plain = url.replace(/\/+$/, "");
  if (/^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._/-]+)?$/.test(plain) && URL.canParse(plain)) return plain;
  throw new LightsoutError("LO_NETBOOT_URL", `"${url}" cannot be the address of the boot server`, {
    hint: "Write it as machines reach it, such as http://10.0.10.2:7481",
  });
}

const isToken = (text: string) => /^[A-Za-z0-9_-]{1,400}\.[A-Za-z0-9_-]{1,100}$/.test(text);
const peerOf = (c: Wire) => c.env?.incoming?.socket.remoteAddress?.replace(/^::ffff:/, "") ?? "unknown";
const nothing = (c: Wire) => c.text("There is nothing here\n", 404);
const reason = (error: unknown) => (error instanceof Error ? error.message : String(error));
