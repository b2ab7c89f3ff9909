import { DeviceError, type Effect } from "#events";
import type { ApiCall } from "./client.ts";
import { field, items, text } from "./json.ts";

/** What the API said when it refused: kept beside the error, for those who retry on it. */
export interface Refusal {
  readonly status: number;
  readonly reason: string;
  readonly message: string;
  /** `details.causes[].message`: a blocked eviction names its PodDisruptionBudget here. */
  readonly causes: readonly string[];
  readonly retryAfterMs: number | undefined;
}

const refusals = new WeakMap<DeviceError, Refusal>();

/** The API's own words, when `error` is an answer from it and not a failure to get one. */
export function refusal(error: unknown): Refusal | undefined {
  return error instanceof DeviceError ? refusals.get(error) : undefined;
}

const hints: Readonly<Record<number, string>> = {
  401: "The API does not know these credentials: renew the kubeconfig",
  403: "Grant the user of the kubeconfig this permission (see deploy/kubernetes)",
  404: "Check the name: a Node is called as its machine's node in the inventory says",
  409: "Somebody changed it at the same time: read it again",
  429: "Try again later",
};

/** An HTTP status of 400 and above. A 4xx did nothing; a 5xx of a write may have, and is no answer about anything. */
export function refusedError(call: ApiCall, status: number, body: unknown, raw: string, retryAfterMs: number | undefined): DeviceError {
  const reason = text(field(body, "reason")) ?? "";
  const message = text(field(body, "message")) ?? raw.slice(0, 200);
  const unreachable = status >= 500;
  const effect: Effect = unreachable && call.method !== "GET" ? "unknown" : "none";
  const error = new DeviceError(
    unreachable ? "LO_CLUSTER_UNREACHABLE" : "LO_CLUSTER_REFUSED",
    { target: call.target, operation: call.operation, effect },
    `HTTP ${status}${reason ? ` ${reason}` : ""}${message ? `: ${message}` : ""}`,
    hints[status] === undefined ? {} : { hint: hints[status] },
  );
  const causes = items(field(body, "details", "causes")).map((one) => text(field(one, "message")) ?? "");
  refusals.set(error, { status, reason, message, causes: causes.filter(Boolean), retryAfterMs });
  return error;
}

/** A 2xx whose body is not JSON. The write has happened or not: the API can no longer be asked for this one. */
export function protocolError(call: ApiCall, raw: string): DeviceError {
  const effect: Effect = call.method === "GET" ? "none" : "unknown";
  const about = { target: call.target, operation: call.operation, effect };
  return new DeviceError("LO_CLUSTER_PROTOCOL", about, `the answer is not JSON: ${raw.slice(0, 80)}`, {
    hint: "Check that the server in the kubeconfig is a Kubernetes API and no proxy answers for it",
  });
}

/** A request that got no answer, or was stopped by its signal. An error that already says what it is goes through as it is. */
export function transportError(call: ApiCall, error: unknown, sent: boolean): DeviceError {
  if (error instanceof DeviceError) return error;
  const about = { target: call.target, operation: call.operation, effect: sent ? "unknown" : "none" } as const;
  return new DeviceError("LO_CLUSTER_UNREACHABLE", about, `the Kubernetes API gave no answer: ${seen(error)}`, {
    hint: sent ? "Read the object before trying again: the request may have arrived" : "Check the server in the kubeconfig and the network",
    cause: error,
  });
}

function seen(error: unknown): string {
  const code = field(error, "code") ?? field(error, "cause", "code");
  const message = error instanceof Error ? error.message : String(error);
  return typeof code === "string" && !message.includes(code) ? `${code} ${message}` : message;
}
