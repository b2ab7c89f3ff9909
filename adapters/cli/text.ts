import { styleText } from "node:util";

type Style = "red" | "green" | "yellow" | "cyan" | "dim" | "bold";

/** Coloured text; plain where the terminal or `NO_COLOR` wants it plain. */
export const paint = (style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string =>
  styleText(style, text, { stream });

// The styles above, and every other control or direction-changing character.
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const special = /\u001b\[(?:1|2|22|31|32|33|36|39)m|[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/**
 * Text that cannot steer a terminal. What machines, events and other people say is shown as it is; a control character in it becomes
 * a visible mark, so that no name or reason can hide or rewrite a line.
 */
export const harmless = (text: string): string => text.replace(special, (found) => (found.length > 1 || found === "\n" ? found : "\ufffd"));

/** JSON with every special character escaped. */
export const jsonText = (value: unknown): string =>
  (JSON.stringify(value, null, 2) ?? "null").replace(special, (found) =>
    found === "\n" ? found : [...found].map((char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`).join(""),
  );

/** Columns under their heads. Empty columns are left out. */
export function table(heads: readonly string[], rows: readonly (readonly (string | undefined)[])[]): string[] {
  const cells = rows.map((row) => heads.map((_, index) => harmless(row[index] ?? "").replaceAll("\n", " ")));
  const used = heads.map((_, index) => index).filter((index) => cells.some((row) => row[index] !== ""));
  const width = (index: number) => Math.max(heads[index]?.length ?? 0, ...cells.map((row) => row[index]?.length ?? 0));
  const widths = new Map(used.map((index) => [index, width(index)]));
  const line = (row: readonly string[]) => used.map((index) => (row[index] ?? "").padEnd(widths.get(index) ?? 0)).join("  ");
  return [paint("bold", line(heads).trimEnd()), ...cells.map((row) => line(row).trimEnd())];
}

/** A terminal that says it is narrower has not been asked how wide it is. */
const leastColumns = 40;

/** A line broken between words where it is wider than the terminal; what follows is indented. */
export function wrapped(text: string, { columns, indent }: { columns: number; indent: number }): string[] {
  const most = Math.max(columns, leastColumns);
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/(?<=\S) +/)) {
    const longer = line === "" ? word : `${line} ${word}`;
    if (longer.length <= most || line.trim() === "") line = longer;
    else {
      lines.push(line);
      line = `${" ".repeat(indent)}${word}`;
    }
  }
  return [...lines, line];
}
