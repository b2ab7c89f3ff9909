import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { type Document, type Raw, readDocument } from "./schema/document.ts";
import { findDuplicates } from "./schema/duplicates.ts";
import { findings } from "./schema/findings.ts";
import { missingFiles, withPaths } from "./schema/paths.ts";
import { ConfigError, type Finding, type Problem } from "./schema/problem.ts";
import { type Config, configSchema } from "./schema.ts";
import { absolute, type Environment, readReference, Secret } from "./secret.ts";

export { ConfigError } from "./schema/problem.ts";

// More than anybody reads; finding the line of each takes time that grows with the file.
const most = 200;

/** A configuration that can be used. */
export interface LoadedConfig {
  /** The file, absolute. */
  readonly file: string;
  /** Every default applied, every path absolute. */
  readonly config: Config;
}

/**
 * Reads a configuration file. Throws `ConfigError` (`LO_CONFIG`) with every problem found, each with line, column and fix.
 *
 * @param options.env where `${env:NAME}` is looked up
 */
export function loadConfig(path: string, options: { env: Environment }): LoadedConfig {
  const file = resolve(path);
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const message =
      code === "ENOENT" ? "The file does not exist" : code === "EISDIR" ? "This is a folder" : `The file cannot be read (${code})`;
    throw new ConfigError(path, [
      {
        file: path,
        line: 1,
        column: 1,
        path: "",
        message,
        fix: "Copy config/example.yaml to lightsout.yaml, or name the file that is meant",
      },
    ]);
  }
  return { file, config: parseConfig(bytes, { ...options, file: path, folder: dirname(file) }) };
}

/**
 * The configuration in a text. Throws `ConfigError` as `loadConfig` does.
 *
 * @param from.file the name that messages give it; @param from.folder what relative paths start at
 */
export function parseConfig(text: Uint8Array | string, from: { file: string; folder: string; env: Environment }): Config {
  const document = readDocument(from.file, typeof text === "string" ? Buffer.from(text) : text);
  if (document.value === undefined) throw new ConfigError(from.file, document.problems);
  const { raw, names, findings: unlisted } = listMachines(document.value);
  const found: Finding[] = [...unlisted];
  const locate = located(document, names);

  found.push(
    ...findDuplicates(
      typeof raw === "object" && !Array.isArray(raw) ? raw.machines : undefined,
      (path) => locate({ path, message: "", fix: "" }).line,
    ),
  );
  const revealed = readReferences(raw, [], from, found);
  const parsed = configSchema.safeParse(revealed);
  if (!parsed.success) found.push(...findings(parsed.error));
  const config = parsed.success ? withPaths(parsed.data, (path) => absolute(path, from)) : undefined;
  if (config) found.push(...missingFiles(config));

  const problems = [...document.problems];
  const taken = new Set(problems.map(place));
  for (const problem of found.slice(0, most).map(locate)) if (!taken.has(place(problem))) problems.push(problem);
  if (!config || problems.length > 0) throw new ConfigError(from.file, problems);
  return config;
}

const place = ({ line, column, path }: Problem) => `${line}:${column} ${path}`;

/** `machines` as a list, from a list or from a map by name; `names` are the map's. */
function listMachines(value: Raw): { raw: Raw; names: readonly string[]; findings: readonly Finding[] } {
  if (typeof value !== "object" || Array.isArray(value)) return { raw: value, names: [], findings: [] };
  const { machines } = value;
  if (typeof machines !== "object" || Array.isArray(machines)) return { raw: value, names: [], findings: [] };
  const names = Object.keys(machines);
  const renamed = names.flatMap((name) => {
    const machine = machines[name];
    const own = typeof machine === "object" && !Array.isArray(machine) ? machine.name : undefined;
    if (own === undefined || own === name) return [];
    return [
      {
        path: ["machines", name, "name"],
        message: "The machine has another name here than its key",
        fix: "Remove this line, or rename the key",
      },
    ];
  });
  const list = names.map((name): Raw => {
    const machine = machines[name];
    return typeof machine === "object" && !Array.isArray(machine) ? { ...machine, name } : (machine ?? { name });
  });
  return { raw: { ...value, machines: list }, names, findings: renamed };
}

/** Places findings in the file; where machines were written by name, their number becomes the name again. */
function located(document: Document, names: readonly string[]): (finding: Finding) => Problem {
  return (finding) => {
    const [first, second, ...rest] = finding.path;
    const name = first === "machines" && typeof second === "number" ? names[second] : undefined;
    return document.locate(name === undefined ? finding : { ...finding, path: ["machines", name, ...rest] });
  };
}

type Revealed = Raw | Secret | Revealed[] | { [key: string]: Revealed };

/** The same with each reference replaced by its secret. One that cannot be read becomes a finding. */
function readReferences(
  raw: Raw,
  path: readonly (string | number)[],
  from: { env: Environment; folder: string },
  found: Finding[],
): Revealed {
  if (typeof raw === "string") {
    const reference = readReference(raw, from);
    if (!reference) return raw;
    if ("secret" in reference) return reference.secret;
    found.push({ path, ...reference });
    return new Secret("?");
  }
  if (Array.isArray(raw)) return raw.map((item, index) => readReferences(item, [...path, index], from, found));
  if (raw === undefined) return undefined;
  return Object.fromEntries(Object.entries(raw).map(([key, item]) => [key, readReferences(item, [...path, key], from, found)]));
}
