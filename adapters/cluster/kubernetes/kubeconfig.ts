import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { HttpMethod, KubeConfig, RequestContext } from "@kubernetes/client-node";
import type { Dispatcher } from "undici";
import { LightsoutError } from "#events";

/** Where the kubeconfig is: a file, or its text. `context` picks one of its contexts; default is its current one. */
export interface KubeconfigSource {
  readonly file?: string;
  readonly text?: string;
  readonly context?: string;
}

/** Reads a kubeconfig. Throws `LO_CONFIG` that quotes nothing of it. */
export function loadKubeconfig({ file, text, context }: KubeconfigSource): KubeConfig {
  const where = file ?? "the kubeconfig";
  const config = new KubeConfig();
  const fail = (why: string, cause?: unknown): never => {
    throw new LightsoutError("LO_CONFIG", `${where}: ${why}`, { hint: "Check it with: kubectl config view", cause });
  };
  try {
    if (text !== undefined) config.loadFromString(text);
    else if (file !== undefined) config.loadFromFile(file);
    else fail("neither file nor text is given");
  } catch (error) {
    // The parser's own message quotes the line, and lines of a kubeconfig are secrets.
    if (error instanceof LightsoutError) throw error;
    fail(`cannot be read (${(error as NodeJS.ErrnoException).code ?? "not a kubeconfig"})`);
  }
  if (context !== undefined) {
    if (!config.getContextObject(context)) fail(`has no context ${context}`);
    config.setCurrentContext(context);
  }
  if (!config.getCurrentCluster()) fail(`its context ${config.getCurrentContext()} names no cluster`);
  return config;
}

/** How a kubeconfig logs in, and until when that holds (milliseconds since the epoch) where it can be seen. */
export interface KubeCredential {
  readonly kind: "certificate" | "token" | "program" | "password" | "none";
  readonly expiresAt?: number;
}

/** What a kubeconfig logs in with. Runs no program and asks nobody. Throws `LO_CONFIG`. */
export function credentialOf(source: KubeconfigSource): KubeCredential {
  const user = loadKubeconfig(source).getCurrentUser();
  const pem = fromBase64(user?.certData) ?? fromFile(user?.certFile);
  if (pem !== undefined) return { kind: "certificate", ...expiry(() => new X509Certificate(pem).validToDate.getTime()) };
  if (user?.exec || user?.authProvider) return { kind: "program" };
  const token = user?.token;
  if (token !== undefined) return { kind: "token", ...expiry(() => expiryOfToken(token)) };
  return { kind: user?.username === undefined ? "none" : "password" };
}

const fromBase64 = (text: string | undefined) => (text ? Buffer.from(text, "base64").toString("utf8") : undefined);
const fromFile = (file: string | undefined) => (file ? readFileSync(file, "utf8") : undefined);

function expiry(read: () => number): { expiresAt?: number } {
  try {
    const expiresAt = read();
    return Number.isFinite(expiresAt) ? { expiresAt } : {};
  } catch {
    return {};
  }
}

/** Tokens of service accounts are JWTs, whose middle part says until when they hold (RFC 7519 §4.1.4). */
const expiryOfToken = (token: string) =>
  Number((JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString("utf8")) as { exp?: unknown }).exp) * 1000;

/** What a request needs to be let in. */
interface Authenticated {
  readonly headers: Readonly<Record<string, string>>;
  /** Options of undici: through which connections. */
  readonly through: { readonly allowH2: boolean; readonly dispatcher?: Dispatcher };
}

export interface Credentials {
  /** Runs exec plugins and refreshes tokens as needed; may take as long as they do. */
  forUrl(url: string): Promise<Authenticated>;
  close(): Promise<void>;
}

/**
 * client-node makes a new connection pool for every request it authenticates. This keeps one pool for as long as the
 * TLS material (which exec plugins and files may rotate) stays the same.
 */
export function createCredentials(config: KubeConfig): Credentials {
  let material: string | undefined;
  let pool: Promise<Dispatcher | undefined> = Promise.resolve(undefined);

  const newPool = async (url: string) => {
    const context = new RequestContext(url, HttpMethod.GET);
    await config.applySecurityAuthentication(context);
    return context.getDispatcher();
  };
  const forUrl = async (url: string): Promise<Authenticated> => {
    const tls: Parameters<KubeConfig["applyToHTTPSOptions"]>[0] = {};
    await config.applyToHTTPSOptions(tls);
    const now = [tls.ca, tls.cert, tls.key, tls.pfx].map((one) => (one === undefined ? "" : String(one))).join("\n");
    if (now !== material) {
      // The old pool is left to those who use it now; its sockets close when idle.
      material = now;
      pool = newPool(url);
      pool.catch(() => {
        material = undefined;
      });
    }
    const dispatcher = await pool;
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(tls.headers ?? {})) headers[name] = String(value);
    if (tls.auth) headers.Authorization = `Basic ${Buffer.from(tls.auth).toString("base64")}`;
    // One connection a request: over HTTP/2 a stuck watch and a write would share one.
    const through = { allowH2: false, ...(dispatcher ? { dispatcher } : {}) };
    return { headers, through };
  };
  const close = async () => {
    const dispatcher = await pool.catch(() => undefined);
    await dispatcher?.destroy();
  };
  return { forUrl, close };
}
