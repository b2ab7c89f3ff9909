import { type Clock, DeviceError } from "#events";
import type { DrainReport } from "../port.ts";
import { refusal } from "./failures.ts";
import type { NodeAccess } from "./nodes.ts";
import { type PodRead, readPods } from "./pods.ts";

interface DrainOptions {
  readonly deadlineMs: number;
  readonly clock: Clock;
  /** Between two looks at the Node. */
  readonly everyMs: number;
  readonly signal?: AbortSignal | undefined;
}

const nameOf = (pod: PodRead) => `${pod.namespace}/${pod.name}`;

/**
 * Evicts by the eviction API (policy/v1) until nothing that can go is left, or the deadline. DaemonSet, mirror and finished
 * pods are passed over. Irreplaceable pods are never evicted: they are in `irreplaceable` and, with the reason, in `left`.
 * An evicted pod counts when it is really gone. A refusal is tried again until the deadline; an API that does not answer too,
 * except for the very first read.
 */
export async function drain(access: NodeAccess, machine: string, options: DrainOptions): Promise<DrainReport> {
  const { clock, deadlineMs, everyMs, signal } = options;
  const end = clock.mono() + deadlineMs;
  const asked = new Map<string, string>();
  const why = new Map<string, string>();
  const notBefore = new Map<string, number>();
  const left = (pods: readonly PodRead[]) =>
    pods.map((pod) => ({
      pod: nameOf(pod),
      why: pod.irreplaceable ? keptFor[pod.irreplaceable] : (why.get(pod.uid) ?? "the deadline passed before its turn"),
    }));

  let pods = await readPods(access, machine, signal);
  for (;;) {
    const here = pods.filter((pod) => !pod.daemonSet && !pod.mirror && !pod.finished);
    const irreplaceable = here.filter((pod) => pod.irreplaceable !== undefined);
    const going = here.filter((pod) => pod.irreplaceable === undefined);
    for (const pod of going) {
      if (pod.deleting) {
        asked.set(pod.uid, nameOf(pod));
        why.set(pod.uid, `still terminating; its grace period is ${pod.graceSeconds}s and its node has not confirmed the end`);
      } else if (clock.mono() >= (notBefore.get(pod.uid) ?? 0) && clock.mono() < end) {
        const blocked = await evict(access, machine, pod, signal);
        if (!blocked) asked.set(pod.uid, nameOf(pod));
        why.set(pod.uid, blocked?.why ?? "evicted, not gone yet");
        notBefore.set(pod.uid, clock.mono() + (blocked?.retryAfterMs ?? 0));
      }
    }
    const over = clock.mono() >= end;
    if (going.length === 0 || over) {
      const still = new Set(going.map((pod) => pod.uid));
      const evicted = [...asked].filter(([uid]) => !still.has(uid)).map(([, name]) => name);
      return { evicted, left: left([...irreplaceable, ...going]), irreplaceable: irreplaceable.map(nameOf) };
    }
    await clock.sleep(Math.min(everyMs, Math.max(0, end - clock.mono())), signal);
    pods = await readPods(access, machine, signal).catch((error: unknown) => {
      if (signal?.aborted || refusal(error) || !(error instanceof DeviceError)) throw error;
      for (const pod of going) why.set(pod.uid, error.message);
      return pods;
    });
  }
}

const keptFor = {
  unmanaged: "irreplaceable: no controller would start it again",
  "local-volume": "irreplaceable: it has a volume on this machine",
  pet: "irreplaceable: marked lightsout.dev/pet=true",
} as const;

/** `undefined` when the eviction was accepted or the pod is gone; else what kept it. Safe to repeat: bound to the pod's uid. */
async function evict(
  { client }: NodeAccess,
  machine: string,
  pod: PodRead,
  signal: AbortSignal | undefined,
): Promise<{ why: string; retryAfterMs: number | undefined } | undefined> {
  const { name, namespace, uid } = pod;
  try {
    await client.call({
      method: "POST",
      path: `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods/${encodeURIComponent(name)}/eviction`,
      target: machine,
      operation: `evict ${namespace}/${name}`,
      body: { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace }, deleteOptions: { preconditions: { uid } } },
      signal,
    });
    return undefined;
  } catch (error) {
    const refused = refusal(error);
    if (signal?.aborted || !(error instanceof DeviceError)) throw error;
    // 404: it went by itself. 409: another pod has its name now, and that one is a matter of the next look.
    if (refused?.status === 404 || refused?.status === 409) return undefined;
    const why = refused ? [refused.message, ...refused.causes].join(" ") : error.message;
    return { why, retryAfterMs: refused?.retryAfterMs };
  }
}
