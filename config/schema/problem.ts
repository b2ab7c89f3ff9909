import { LightsoutError } from "#events";

/** One thing that is wrong with a configuration file. `line` and `column` start at 1. */
export interface Problem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** The keys that lead there: `machines.gpu-01.bmc.kind`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong, with the value seen unless it may be a secret. */
  readonly message: string;
  /** What to write instead. */
  readonly fix: string;
}

/** What is wrong at a place, before the place is known as a line. */
export interface Finding {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly fix: string;
  /** Point to the key rather than to its value. */
  readonly on?: "key";
}

const listed = 25;

/** The configuration cannot be used. Carries every problem found, in the order of the file; nothing was started. */
export class ConfigError extends LightsoutError {
  override readonly name = "ConfigError";
  readonly problems: readonly Problem[];
  constructor(file: string, problems: readonly Problem[]) {
    const sorted = [...problems].sort((a, b) => a.line - b.line || a.column - b.column);
    const more = sorted.length > listed ? [`  … and at least ${sorted.length - listed} more`] : [];
    super(
      "LO_CONFIG",
      [
        `${file} has ${sorted.length === 1 ? "a problem" : `${sorted.length > listed ? "many" : sorted.length} problems`}:`,
        ...sorted.slice(0, listed).map(line),
        ...more,
      ].join("\n"),
    );
    this.problems = sorted;
  }
}

const line = ({ file, line, column, path, message, fix }: Problem) =>
  `  ${file}:${line}:${column} ${path === "" ? "" : `${path}: `}${message}\n    → ${fix}`;

/** A value as a message may show it: one line, not long, without control characters and without credentials of a URL. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value !== "string") return value === undefined ? "nothing" : "a map";
  // A password may hold anything: so all that stands before the last @ may be one, and what follows a colon in an address and is no port.
  const plain = /^\s*\w+:\/\/([\w.-]+|\[[\da-fA-F:.]+\])(:\d+)?(\/[^@]*)?$/.test(value);
  const text = (plain ? value : value.replace(/^(\w+:\/\/)?.*@/s, "$1…@").replace(/^(\s*\w+:\/\/)(?!…@).*/s, "$1…")).replace(
    /[\p{Cc}\p{Cf}\p{Cs}]/gu,
    "?",
  );
  return `"${text.length > 60 ? `${text.slice(0, 57)}…` : text}"`;
}
