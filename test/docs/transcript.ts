/** One command of a page, and the output that the page shows of it. */
export interface Shown {
  readonly command: string;
  readonly lines: readonly string[];
}

type Part = Shown | { readonly scene: string };

/** What stands behind `$ ` in the `console` blocks of a page, in order, and what happens to the lab in between: `<!-- lab: … -->`. */
export function transcript(page: string): Part[] {
  return [...page.matchAll(/^<!-- lab: (.+?) -->$|^```console\n([\s\S]*?)^```$/gm)].flatMap(([, scene, block = ""]): Part[] => {
    if (scene !== undefined) return [{ scene }];
    return block
      .split(/^\$ /m)
      .slice(1)
      .map((shown) => {
        const [command = "", ...lines] = shown.trimEnd().split("\n");
        return { command, lines };
      });
  });
}

/** A command line taken apart at its blanks; what stands in double quotes is one word. */
export const words = (line: string): string[] => [...line.matchAll(/"([^"]*)"|\S+/g)].map(([word, quoted]) => quoted ?? word);

/** Outputs of a page held against real ones. What differs from run to run is known by its form; the ids of runs are remembered. */
export interface Comparison {
  /** The command with the ids that runs really have here. */
  real(command: string): string;
  /** Whether this is what the page shows. There `…` stands for anything on its line, and alone on a line for any lines. */
  matches(lines: readonly string[], output: string): boolean;
}

/** What is other in every run, and recognised where it stands. */
const forms = {
  time: String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z|\d\d:\d\d:\d\dZ|\d{4}-\d\d-\d\d`,
  uuid: "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}",
  digest: String.raw`\b[0-9a-f]{16}\b`,
  port: String.raw`(?<=127\.0\.0\.1:)\d+`,
  took: String.raw`\b\d+[hms](?: \d+[ms])?\b`,
  blanks: String.raw`\s{2,}`,
} as const;
const run = String.raw`\b[0-9a-f]{12}(?:[0-9a-f]{12})?\b`;
const parts = new RegExp(
  Object.entries({ ...forms, run, any: "…" })
    .map(([name, form]) => `(?<${name}>${form})`)
    .join("|"),
  "g",
);
const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

/** Compares what one lab answers, from its first command to its last. */
export function comparison(): Comparison {
  /** By the first twelve digits that the page has, the twelve of this run. */
  const ids = new Map<string, string>();
  const idPattern = (id: string, fresh: Map<string, string>): string => {
    const key = id.slice(0, 12);
    const rest = id.length > 12 ? "[0-9a-f]{12}" : "";
    const known = ids.get(key) ?? (fresh.has(key) ? `\\k<${fresh.get(key)}>` : undefined);
    if (known !== undefined) return known + rest;
    const group = `run${fresh.size}`;
    fresh.set(key, group);
    return `(?<${group}>[0-9a-f]{12})${rest}`;
  };
  const pattern = (line: string, fresh: Map<string, string>): string => {
    let end = 0;
    let made = "";
    for (const { 0: part, index, groups = {} } of line.matchAll(parts)) {
      const form = Object.entries(forms).find(([name]) => groups[name] !== undefined)?.[1];
      made += escaped(line.slice(end, index)) + (groups.run ? idPattern(part, fresh) : groups.any ? ".*" : `(?:${form})`);
      end = index + part.length;
    }
    return made + escaped(line.slice(end));
  };
  return {
    real: (command) => command.replace(new RegExp(run, "g"), (id) => ids.get(id.slice(0, 12)) ?? id),
    matches(lines, output) {
      const fresh = new Map<string, string>();
      const wanted = lines.map((line) => (line.trim() === "…" ? "(?:.*\\n)*?" : `${pattern(line, fresh)}\\n`)).join("");
      const found = new RegExp(`^${wanted}$`).exec(output === "" ? "" : `${output}\n`);
      for (const [id, group] of found ? fresh : []) ids.set(id, found?.groups?.[group] ?? id);
      return found !== null;
    },
  };
}
