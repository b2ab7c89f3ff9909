import { DeviceError, type DeviceErrorCode } from "#events";
import { at, isFields, list, text, texts } from "./fields.ts";

/** One answer of the BMC, whatever its status. */
export interface Reply {
  readonly status: number;
  /** The value of a header by its lower-case name. */
  readonly header: (name: string) => string | undefined;
  /** The JSON body; `undefined` where there was none or it was no JSON. */
  readonly body: unknown;
  /** A few words for evidence and messages, without secrets. */
  readonly summary: string;
}

/** One entry of `@Message.ExtendedInfo`. */
export interface Note {
  /** The last part of the MessageId: registries and their versions differ between firmwares, keys do not (DSP0266 9.5.11). */
  readonly key: string;
  readonly id: string;
  readonly message: string;
  readonly args: readonly string[];
}

/** Every message in a body, wherever the firmware put it: under `error`, at the top, as a list or as one object. */
export function notesOf(body: unknown): readonly Note[] {
  const entries = [...list(body, "error", "@Message.ExtendedInfo"), ...list(body, "@Message.ExtendedInfo"), ...list(body, "error")];
  return entries.filter(isFields).flatMap((entry) => {
    const id = text(entry, "MessageId") ?? text(entry, "code") ?? "";
    const message = text(entry, "Message") ?? text(entry, "message") ?? "";
    if (id === "" && message === "") return [];
    return [{ key: id.slice(id.lastIndexOf(".") + 1), id, message, args: texts(entry, "MessageArgs") }];
  });
}

/** Status and first message as one short line, with `secret` blanked out should the BMC echo it. */
export function summarize(status: number, body: unknown, secret: string): string {
  const note = notesOf(body)[0];
  const said = note ? `${status} ${[note.key, note.message].filter((part) => part !== "").join(": ")}` : String(status);
  return (secret.length > 3 ? said.replaceAll(secret, "***") : said).replace(/\s+/g, " ").slice(0, 300);
}

/** Conditions that pass by themselves: the request may be made again later. */
const passing = new Set(["ResetInProgress", "UnableToModifyDuringSystemPOST", "ActionParameterValueConflict", "SYS518", "RAC0218"]);

/** What a refused request is told about. `changes` marks one that would change the machine. */
export interface About {
  readonly target: string;
  readonly operation: string;
  readonly changes: boolean;
}

/**
 * Returns an accepted reply (2xx) and throws a `DeviceError` for any other. 3xx and 4xx answers to a change have effect `none`: the
 * BMC decided against it. 5xx have effect `unknown`: the BMC broke somewhere on the way.
 */
export function accepted(reply: Reply, about: About): Reply {
  const { status } = reply;
  if (status >= 200 && status < 300) return reply;
  const keys = notesOf(reply.body).map((note) => note.key);
  const effect = about.changes && status >= 500 ? "unknown" : "none";
  const fail = (code: DeviceErrorCode, message: string, hint?: string): never => {
    throw new DeviceError(code, { ...about, effect }, message, { cause: new Error(reply.summary), ...(hint ? { hint } : {}) });
  };
  if (status >= 300 && status < 400) {
    const what = about.changes ? "a request that changes the machine is never sent on to another place" : "too many redirects";
    return fail("LO_BMC_REFUSED", `answered ${status} to ${reply.header("location") ?? "nowhere"}: ${what}`, "Update the BMC's firmware");
  }
  if (keys.includes("PasswordChangeRequired")) {
    return fail("LO_BMC_AUTH", `answered ${reply.summary}`, "Change the factory password in the BMC's web interface");
  }
  if (status === 401) return fail("LO_BMC_AUTH", "the BMC did not accept the login", "Check the user and password of this machine's BMC");
  if (status === 503 || status === 429 || keys.some((key) => passing.has(key))) {
    return fail("LO_BMC_BUSY", `the BMC is busy: ${reply.summary}`, "Try again later");
  }
  const hint = status === 403 ? "Give this BMC user the Operator role" : undefined;
  return fail("LO_BMC_REFUSED", `the BMC answered ${reply.summary}`, hint);
}

/** The body as an object, or `LO_BMC_PROTOCOL` (effect none): a read that gave anything else told us nothing. */
export function objectOf(reply: Reply, about: Omit<About, "changes">): Readonly<Record<string, unknown>> {
  const body = at(reply, "body");
  if (isFields(body)) return body;
  throw new DeviceError("LO_BMC_PROTOCOL", { ...about, effect: "none" }, `answered ${reply.status} without a JSON object`, {
    hint: "Check that this address is a Redfish BMC and not its web page",
  });
}
