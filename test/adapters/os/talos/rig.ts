import { onTestFinished, vi } from "vitest";
import { createTalos, type TalosOptions } from "#adapters/os/talos/mod.ts";
import { type ActVerb, DeviceError, type Permit, scaledClock, UnsupportedError } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { createHost } from "#test/lab/host.ts";
import { createTalosApi } from "#test/lab/talos-api.ts";
import { createTalosAuthority, type TalosAuthority } from "#test/lab/talos-cert.ts";
import type { LabEtcd } from "#test/lab/talos-etcd.ts";

const speed = 20;

/** The lab's CA is made once a file: it costs nothing to share, for every rig has its own machine. */
export const authority = createTalosAuthority();

export interface RigOptions extends Omit<Parameters<typeof createTalosApi>[0], "host" | "clock" | "authority" | "slot"> {
  version?: string;
  schematic?: string | undefined;
  roles?: readonly string[];
  name?: string;
  signedBy?: TalosAuthority;
  talos?: Partial<TalosOptions>;
}

/** A machine with Talos, and our client of it, over real mutual TLS. Waits pass twenty times as fast. */
export async function createRig(options: RigOptions = {}) {
  const { version = "v1.13.9", roles = ["os:admin"], name = "m1", signedBy = authority, talos: over = {}, ...api } = options;
  const clock = scaledClock(speed);
  const host = createHost({ name, clock, gpus: 2, bootMs: 3000, offMs: 500, shutdownMs: 1000 });
  const slot = { version, ...("schematic" in options ? { schematic: options.schematic } : {}) };
  const box = await createTalosApi({ host, clock, authority: signedBy, slot, ...api });
  const talos = createTalos({
    talosconfig: { text: authority.talosconfig(roles) },
    addressOf: (machine) => (machine === name ? { host: "127.0.0.1", port: box.port } : undefined),
    identityOf: () => ({ uuid: host.identity.uuid, serial: host.identity.serial }),
    clock,
    // 2 s of a machine that tests on two cores.
    timeouts: { connect: 2000 * speed, call: 2000 * speed, long: 5000 * speed },
    ...over,
  });
  onTestFinished(async () => {
    await talos.close();
    await box.close();
  });
  const permit = (verb: ActVerb, over: Partial<Permit> = {}) =>
    mintPermit({ run: "r1", step: "s", attempt: 1, machine: name, verb, gate() {}, signal: new AbortController().signal, ...over });
  return { clock, host, box, os: box.os, talos, machine: talos.of(name), permit };
}

export type Rig = Awaited<ReturnType<typeof createRig>>;

/** A control plane of several machines that share one etcd. */
export async function createControlPlane(etcd: LabEtcd, count = 3, options: RigOptions = {}): Promise<Rig[]> {
  return await Promise.all(
    Array.from({ length: count }, (_, index) => createRig({ ...options, name: `m${index + 1}`, role: "control-plane", etcd })),
  );
}

export const until = (check: () => void | Promise<void>) => vi.waitFor(check, { timeout: 10_000, interval: 10 });

/** What `work` was rejected with. */
export async function rejection(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
}

/** The error as what decides: code and effect. */
export async function verdict(work: Promise<unknown>): Promise<unknown> {
  const error = await rejection(work);
  if (error instanceof UnsupportedError) return "unsupported";
  return error instanceof DeviceError ? `${error.code}, ${error.effect}` : error;
}

export async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const one of stream) all.push(one);
  return all;
}
