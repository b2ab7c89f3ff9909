/** What iPXE came to: a kernel with what it was given, or the next thing that the firmware has. */
export type IpxeEnd =
  | { readonly is: "boot"; readonly kernel: Buffer; readonly initrd: Buffer | undefined; readonly args: readonly string[] }
  | { readonly is: "leave"; readonly how: string };

export interface IpxeOptions {
  /** As iPXE names its settings: `uuid`, `netX/mac`, `platform`. */
  readonly settings: Readonly<Record<string, string>>;
  /** The body of what answers 200; `undefined` for everything else. */
  readonly get: (url: string) => Promise<Buffer | undefined>;
  /** Whether the bytes are a kernel that can be started. */
  readonly isKernel: (bytes: Buffer) => boolean;
  readonly say: (line: string) => void;
}

/** Longer than any script of ours; one that goes round in circles ends here. */
const mostLines = 1000;

/**
 * Runs an iPXE script: the commands that our boot server writes and no others, with iPXE's own rules of when a line fails and what that ends
 * (ipxe: src/core/exec.c, src/image/script.c).
 */
export async function runIpxe(url: string, options: IpxeOptions): Promise<IpxeEnd> {
  const { get, isKernel, say, settings } = options;
  let kernel: { readonly bytes: Buffer; readonly args: readonly string[] } | undefined;
  let initrd: Buffer | undefined;
  let end: IpxeEnd | undefined;
  let lines: string[] = [];
  let at = 0;
  let count = 0;

  const load = async (address: string) => {
    const script = (await get(address))?.toString("utf8");
    if (!script?.startsWith("#!ipxe")) return false;
    lines = script.split("\n").map((line) => line.trim());
    at = 0;
    return true;
  };
  const leave = (how: string) => {
    end = { is: "leave", how };
    return true;
  };
  /** True: it succeeded. */
  const commands: Readonly<Record<string, (words: readonly string[]) => Promise<boolean> | boolean>> = {
    "": () => true,
    echo: (words) => {
      say(words.join(" "));
      return true;
    },
    dhcp: () => true,
    imgfree: () => {
      [kernel, initrd] = [undefined, undefined];
      return true;
    },
    async kernel([address = "", ...args]) {
      const bytes = await get(address);
      if (!bytes || !isKernel(bytes)) return false;
      kernel = { bytes, args };
      return true;
    },
    async initrd([address = ""]) {
      initrd = await get(address);
      return initrd !== undefined;
    },
    boot: () => {
      if (!kernel) return false;
      end = { is: "boot", kernel: kernel.bytes, initrd, args: kernel.args };
      return true;
    },
    iseq: ([one, other]) => one === other,
    goto: ([label = ""]) => {
      const line = lines.indexOf(`:${label}`);
      if (line >= 0) at = line + 1;
      return line >= 0;
    },
    chain: async (words) => await load(words.at(-1) ?? ""),
    exit: ([code = "0"]) => leave(`exit ${code}`),
    sanboot: () => leave("sanboot"),
  };
  /** What ends the line that it stands in, when it succeeds. */
  const jumps = new Set(["goto", "chain", "exit", "sanboot", "boot"]);

  const runLine = async (line: string): Promise<boolean> => {
    let succeeded = true;
    const parts = line.split(/(?<=^|\s)(&&|\|\|)(?=\s|$)/);
    for (let index = 0; index < parts.length; index += 2) {
      const joint = parts[index - 1];
      if ((joint === "&&" && !succeeded) || (joint === "||" && succeeded)) continue;
      const [name = "", ...words] = expand(parts[index] ?? "", settings)
        .split(/\s+/)
        .filter(Boolean);
      const command = commands[name];
      if (!command) say(`${name}: command not found`);
      succeeded = (await command?.(words)) ?? false;
      if (succeeded && jumps.has(name)) return true;
    }
    return succeeded;
  };

  if (!(await load(url))) return { is: "leave", how: `there is no script at ${url}` };
  while (!end) {
    const line = lines[at];
    if (line === undefined) return { is: "leave", how: "the script has ended" };
    at += 1;
    count += 1;
    if (count > mostLines) return { is: "leave", how: "the script goes round in circles" };
    if (line.startsWith("#") || line.startsWith(":")) continue;
    if (!(await runLine(line))) return { is: "leave", how: `failed: ${line.split(" ", 2).join(" ")}` };
  }
  return end;
}

/** `${netX/mac:hexhyp}` and its like. What is not known is empty. */
const expand = (line: string, settings: Readonly<Record<string, string>>) =>
  line.replace(/\$\{([^}:]*)(?::([a-z]+))?\}/g, (_, name: string, form?: string) => {
    const value = settings[name] ?? "";
    if (form === "hexhyp") return value.replaceAll(":", "-");
    return form === "uristring" ? encodeURIComponent(value) : value;
  });
