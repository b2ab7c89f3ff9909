import { gunzipSync } from "node:zlib";

/** No kubeconfig is longer; a longer one is not unpacked. */
const maxBytes = 1024 * 1024;

/** The file named `kubeconfig` in a tar.gz; `undefined` for anything else. */
export function unpackKubeconfig(archive: Uint8Array): string | undefined {
  let tar: Buffer;
  try {
    tar = gunzipSync(archive, { maxOutputLength: maxBytes });
  } catch {
    return undefined;
  }
  for (let at = 0; at + 512 <= tar.length; ) {
    const field = (from: number, length: number) => (tar.toString("latin1", at + from, at + from + length).split("\0")[0] ?? "").trim();
    const size = Number.parseInt(field(124, 12), 8);
    const name = field(0, 100).replace(/^\.\//, "");
    if (name === "" || !Number.isSafeInteger(size) || size < 0) return undefined;
    const [start, end] = [at + 512, at + 512 + size];
    // Type "0", or NUL in old archives: a regular file. Others only describe the next one.
    if (name === "kubeconfig" && ["0", ""].includes(field(156, 1)))
      return size > 0 && end <= tar.length ? tar.toString("utf8", start, end) : undefined;
    at = start + Math.ceil(size / 512) * 512;
  }
  return undefined;
}
