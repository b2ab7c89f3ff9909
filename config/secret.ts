import { readFileSync, statSync } from "node:fs";
import { homedir } from "node:os";
import { resolve } from "node:path";
import { inspect } from "node:util";

/** A value that never shows itself: as text, as JSON and to `console.log` it is `‹secret›`. Only `reveal` gives it. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  /** The value itself. Give it to the device and to nothing that is written down. */
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return "‹secret›";
  }
  toJSON(): string {
    return "‹secret›";
  }
  [inspect.custom](): string {
    return "‹secret›";
  }
}

/** What stands where the value of a reference will be: its secret, or why there is none. */
export type Referenced = { readonly secret: Secret } | { readonly message: string; readonly fix: string };

const largest = 65_536;

/**
 * Reads `${env:NAME}` or `${file:path}`; `undefined` for any other text. One line break at the end is not part of the value.
 *
 * @param from.env where NAME is looked up; @param from.folder what a relative path starts at (`~/` is the home folder)
 */
export function readReference(text: string, from: { env: Environment; folder: string }): Referenced | undefined {
  const match = /^\$\{(env|file):([^}]*)\}$/.exec(text.trim());
  if (!match) return undefined;
  const name = (match[2] ?? "").trim();
  const found = match[1] === "env" ? fromEnvironment(name, from.env) : fromFile(absolute(name, from));
  if (typeof found !== "string") return found;
  const value = found.replace(/\r?\n$/, "");
  if (value !== "") return { secret: new Secret(value) };
  return { message: `${describe(match[1], name)} is empty`, fix: "Put the secret into it" };
}

/** The file that `${file:path}` refers to, absolute; `undefined` for any other text. */
export function referredFile(text: string, from: { env: Environment; folder: string }): string | undefined {
  const name = /^\$\{file:([^}]*)\}$/.exec(text.trim())?.[1];
  return name === undefined ? undefined : absolute(name.trim(), from);
}

/** The variables of a process, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** A path of the configuration as an absolute one: relative to the folder of the file, `~/` from the home folder. */
export function absolute(path: string, from: { env: Environment; folder: string }): string {
  return path.startsWith("~/") ? resolve(from.env.HOME ?? homedir(), path.slice(2)) : resolve(from.folder, path);
}

const describe = (kind: string | undefined, name: string) => (kind === "env" ? `The environment variable ${name}` : `The file ${name}`);

function fromEnvironment(name: string, env: Environment): string | Referenced {
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value !== undefined) return value;
  return {
    message: `The environment variable ${name} is not set`,
    fix: `Set ${name} where Lightsout is started, or refer to a file: \${file:path}`,
  };
}

function fromFile(path: string): string | Referenced {
  try {
    const { size } = statSync(path);
    if (size > largest)
      return { message: `The file ${path} has ${size} bytes, which is no secret`, fix: `Name a file of at most ${largest} bytes` };
    return readFileSync(path, "utf8");
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === "ENOENT" ? "does not exist" : code === "EISDIR" ? "is a folder" : `cannot be read (${code})`;
    return {
      message: `The file ${path} ${why}`,
      fix: "Create it with the secret as its only content, readable by Lightsout alone (chmod 600)",
    };
  }
}
