import { type Clock, DeviceError, LightsoutError } from "#events";
import type { SnapshotRecord, Snapshots } from "./port.ts";
import { expired, type Keep } from "./retention.ts";
import { follow } from "./source.ts";
import { createVerifier, type Verdict } from "./verify.ts";

/** A place that holds named files. Failures are `DeviceError`s of `LO_SNAPSHOT`. */
export interface Shelf {
  /** For people: the folder, or `s3://bucket/prefix`. */
  readonly where: string;
  /** Writes the whole file under this name, in place of what was there. When it or the bytes fail, the name stays as it was. */
  write(name: string, bytes: AsyncIterable<Uint8Array>): Promise<void>;
  read(name: string, signal?: AbortSignal): AsyncIterable<Uint8Array>;
  list(signal?: AbortSignal): Promise<readonly { readonly name: string; readonly bytes: number; readonly at: number }[]>;
  /** Done when there is none. */
  remove(name: string, signal?: AbortSignal): Promise<void>;
}

const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,200}\.db$/;
/** Written last, in the form that `sha256sum -c` reads: a snapshot without it was not finished and is none. */
const mark = ".sha256";

/** Snapshots on a shelf: read back after they are written, listed once that went well, and thinned out by the retention. */
export function createSnapshots(shelf: Shelf, options: { keep: Keep; clock: Clock }): Snapshots {
  const { keep, clock } = options;

  /** The finished ones: all, or the one of this name. */
  async function list(signal?: AbortSignal, only?: string): Promise<SnapshotRecord[]> {
    const files = await shelf.list(signal);
    const names = new Set(files.map(({ name }) => name));
    const finished = files.filter(({ name }) => nameForm.test(name) && names.has(name + mark) && (only ?? name) === name);
    const records = await Promise.all(
      finished.map(async ({ name, bytes, at }) => ({
        name,
        bytes,
        sha256: await markOf(name, signal),
        at,
        where: `${shelf.where}/${name}`,
      })),
    );
    return records.filter(({ sha256 }) => sha256 !== "").toSorted((a, b) => b.at - a.at);
  }
  async function markOf(name: string, signal: AbortSignal | undefined): Promise<string> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of shelf.read(name + mark, signal)) chunks.push(chunk);
    return /^[0-9a-f]{64}/.exec(Buffer.concat(chunks).toString("latin1"))?.[0] ?? "";
  }
  async function readBack(name: string, signal: AbortSignal | undefined): Promise<Verdict> {
    const verifier = createVerifier();
    for await (const chunk of follow(shelf.read(name, signal), signal).bytes) verifier.push(chunk);
    return verifier.verdict();
  }

  return {
    list: (signal) => list(signal),
    async store(name, bytes, signal) {
      checkName(name);
      // Asked again after a crash: what is finished under this name, and still is what it was, is it.
      const [before] = await list(signal, name);
      if (before && (await readBack(name, signal)).sha256 === before.sha256) return before;
      // An old mark vouches for nothing that is written now.
      await shelf.remove(name + mark, signal);
      const sent = createVerifier();
      const source = follow(bytes, signal);
      try {
        await shelf.write(name, tee(source.bytes, sent.push));
      } catch (error) {
        throw source.failure()?.error ?? error;
      }
      const [left, stored] = [sent.verdict(), await readBack(name, signal)];
      const wrong = left.wrong ?? (left.sha256 === stored.sha256 ? undefined : "what was read back is not what was sent");
      if (wrong !== undefined) {
        // Without its mark it is none, whether or not it can be taken away.
        await shelf.remove(name, signal).catch(() => undefined);
        throw failed(
          shelf,
          `${name} was not kept: ${wrong}`,
          "Take another from a healthy member: talosctl -n <control plane> etcd snapshot",
        );
      }
      await shelf.write(name + mark, once(`${stored.sha256}  ${name}\n`));
      return { name, bytes: stored.bytes, sha256: stored.sha256, at: clock.now(), where: `${shelf.where}/${name}` };
    },
    async *read(name, signal) {
      checkName(name);
      const expected = await markOf(name, signal);
      const verifier = createVerifier();
      yield* tee(follow(shelf.read(name, signal), signal).bytes, verifier.push);
      const { sha256, wrong } = verifier.verdict();
      const why = wrong ?? (sha256 === expected ? undefined : "it is not what was stored");
      if (why !== undefined) throw failed(shelf, `${name} cannot be restored: ${why}`, "Use another snapshot");
    },
    async prune(signal) {
      const gone = expired(await list(signal), keep);
      for (const { name } of gone) {
        // In this order: what a crash leaves of it is the small one, and nobody takes it for a snapshot.
        await shelf.remove(name, signal);
        await shelf.remove(name + mark, signal);
      }
      return gone.map(({ name }) => name);
    },
  };
}

async function* tee(bytes: AsyncIterable<Uint8Array>, push: (chunk: Uint8Array) => void): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of bytes) {
    push(chunk);
    yield chunk;
  }
}

async function* once(text: string): AsyncGenerator<Uint8Array, void> {
  yield Buffer.from(text);
}

function checkName(name: string): void {
  if (nameForm.test(name)) return;
  throw new LightsoutError("LO_SNAPSHOT", `${JSON.stringify(name.slice(0, 80))} cannot be the name of a snapshot`, {
    hint: "Write letters, digits, ., _ and -, with .db at the end",
  });
}

/** A failure of the place that keeps snapshots. Nothing was done to any machine. */
export const failed = ({ where }: Pick<Shelf, "where">, what: string, hint: string, cause?: unknown): DeviceError =>
  new DeviceError("LO_SNAPSHOT", { target: where, operation: "keep snapshots", effect: "none" }, what, { hint, cause });
