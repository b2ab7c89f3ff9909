import { chmod, chown, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Document, isMap, isSeq, parseDocument } from "yaml";
import { LightsoutError } from "#events";
import { parseConfig } from "../load.ts";
import type { Environment } from "../secret.ts";

/** A machine as it is written. */
export interface WrittenEntry {
  readonly name: string;
  /** For the line above it. */
  readonly comment: string;
  /** Its keys; every value a text. */
  readonly keys: Readonly<Record<string, unknown>>;
}

/** A new file without machines. Editors find its JSON Schema beside the program: by a path below the file's folder, else by a URL. */
const head = (file: string) => `# yaml-language-server: $schema=${schemaFrom(file)}
# Made by \`lightsout init\`. Nothing in it makes Lightsout act: it observes, and shows what it would have done.
# Look it over, then run \`lightsout doctor\`, then \`lightsout serve\`. config/example.yaml has every key.

site: default                    # part of every subject and id: change it now, or never

trust: observe                   # observe: only show; ask: a person decides; auto: act

# cluster:                       # without it nobody tells which machines are lost
#   kubeconfig: ~/.kube/config   # of the account in deploy/kubernetes/rbac.yaml

# A machine may also say: role: control-plane (else it is a worker), pool, gpus, rack, and node (its Kubernetes Node, if called otherwise).
machines:
`;

function schemaFrom(file: string): string {
  const schema = new URL("../lightsout.schema.json", import.meta.url);
  const way = relative(dirname(resolve(file)), fileURLToPath(schema));
  return /^\.\.|\s/.test(way) ? schema.href : `./${way}`;
}

/** The text of the file that is there; `undefined` where there is none. Throws `LO_INIT_EXISTS` or `LO_INIT_ABSENT` as `add` wants it. */
export async function readBefore(file: string, add: boolean): Promise<string | undefined> {
  const before = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new LightsoutError("LO_INIT_FILE", `${file} cannot be read (${error.code})`, {
      hint: "Name another file with --out",
      cause: error,
    });
  });
  if (before !== undefined && !add) {
    throw new LightsoutError("LO_INIT_EXISTS", `${file} is there already, and is not overwritten`, {
      hint: "Add a machine to it with --add, or name another file with --out",
    });
  }
  if (before === undefined && add) {
    throw new LightsoutError("LO_INIT_ABSENT", `${file} is not there, so nothing can be added to it`, {
      hint: "Leave out --add to make it",
    });
  }
  return before;
}

/** The text of a file with these machines in it: a new one, or the one from before with everything that it says, comments too. */
export function withMachines(file: string, before: string | undefined, entries: readonly WrittenEntry[]): string {
  // As the configuration is read: every value stays the text that was written.
  const document = parseDocument(before ?? head(file), { schema: "failsafe", logLevel: "error" });
  for (const entry of entries) addMachine(document, entry);
  return document.toString({ lineWidth: 0 });
}

function addMachine(document: Document, { comment, keys, name }: WrittenEntry): void {
  const found = document.get("machines", true);
  if (isSeq(found)) {
    const item = document.createNode({ name, ...keys });
    item.commentBefore = ` ${comment}`;
    found.flow = false;
    found.add(item);
    return;
  }
  const machines = isMap(found) ? found : document.createNode({});
  if (machines !== found) document.set("machines", machines);
  const key = document.createNode(name);
  key.commentBefore = ` ${comment}`;
  key.spaceBefore = machines.items.length > 0;
  machines.flow = false;
  machines.items.push(document.createPair(key, keys));
}

/** Throws `ConfigError` with every problem of a text. Variables that are not set here may be set where Lightsout is started. */
export function check(text: string, file: string, env: Environment): void {
  const named = [...text.matchAll(/\$\{env:([^}]+)\}/g)].map(([, name = ""]) => name.trim());
  const set = Object.fromEntries(named.map((name) => [name, env[name] || "not set here"]));
  parseConfig(text, { file, folder: dirname(file), env: { ...env, ...set } });
}

/** Puts a text in the place of a file in one moment: whoever reads it sees the old one or the new one. Mode and owner stay. */
export async function replaceFile(file: string, text: string): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const before = await stat(target).catch(() => undefined);
  const fresh = `${target}.new-${process.pid}`;
  try {
    const handle = await open(fresh, "wx", 0o644);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (before) {
      await chmod(fresh, before.mode & 0o7777);
      // Only root may give a file away; anybody else owned it already, or could not write there.
      await chown(fresh, before.uid, before.gid).catch(() => undefined);
    }
    await rename(fresh, target);
  } catch (cause) {
    await rm(fresh, { force: true });
    const code = (cause as NodeJS.ErrnoException).code ?? String(cause);
    throw new LightsoutError("LO_INIT_FILE", `${file} cannot be written (${code})`, {
      hint: "Name a file in a folder that this user may write",
      cause,
    });
  }
}
