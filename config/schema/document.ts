import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { Finding, Problem } from "./problem.ts";
import { explainSyntax } from "./syntax.ts";

/**
 * What a file says, as maps, lists and texts only: numbers and booleans stay the text that was written, so that a serial
 * of `0012` keeps its zeros. A key without a value holds `undefined`.
 */
export type Raw = string | Raw[] | { [key: string]: Raw } | undefined;

export interface Document {
  readonly value: Raw;
  readonly problems: readonly Problem[];
  /** The finding with its place in the file: that of the value or the key, or of the nearest thing above it that was written. */
  locate(finding: Finding): Problem;
}

type Path = readonly (string | number)[];
type Refuse = (offset: number, path: Path, message: string, fix: string) => undefined;

const limits = { bytes: 1_048_576, depth: 20, nodes: 100_000 };
const example = "A configuration is a few lines for each machine; see config/example.yaml";

/** Reads YAML. Never throws: whatever is wrong with the text is in `problems`. The text itself is in none of them. */
export function readDocument(file: string, bytes: Uint8Array): Document {
  const lines = new LineCounter();
  const problems: Problem[] = [];
  const at = (offset: number, path: Path, message: string, fix: string): Problem => {
    const { line, col } = lines.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col), path: path.join("."), message, fix };
  };
  const refuse: Refuse = (...problem) => {
    problems.push(at(...problem));
    return undefined;
  };
  const nothing = { value: undefined, problems, locate: ({ path, message, fix }: Finding) => at(0, path, message, fix) };

  const text = decode(bytes, (message, fix) => refuse(0, [], message, fix));
  if (text === undefined) return nothing;
  try {
    const { contents, errors } = parseDocument(text, {
      schema: "failsafe",
      uniqueKeys: false,
      prettyErrors: false,
      logLevel: "error",
      lineCounter: lines,
    });
    for (const { code, pos } of errors.slice(0, 10)) refuse(pos[0], [], ...explainSyntax(code, lineAround(text, pos[0])));
    if (problems.length > 0) return nothing;
    const targets = new Map<Node, Node>();
    const value = contents === null ? undefined : readNodes(contents, targets, refuse, (offset) => lines.linePos(offset).line);
    if (contents === null || (value === undefined && problems.length === 0)) {
      refuse(0, [], "The file is empty", "Begin with the machines, as in config/example.yaml");
      return nothing;
    }
    return { value, problems, locate: (finding) => at(offsetOf(contents, finding, targets), finding.path, finding.message, finding.fix) };
  } catch {
    refuse(0, [], "The file cannot be read as YAML", example);
    return nothing;
  }
}

function decode(bytes: Uint8Array, refuse: (message: string, fix: string) => undefined): string | undefined {
  if (bytes.length > limits.bytes) return refuse(`The file has ${bytes.length} bytes; at most ${limits.bytes} are read`, example);
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return text.includes("\0") ? refuse("The file is not a text", "Write it in an editor, as UTF-8") : text;
  } catch {
    return refuse("The file is not UTF-8", "Save it as UTF-8");
  }
}

const lineAround = (text: string, offset: number) => {
  const end = text.indexOf("\n", offset);
  return text.slice(text.lastIndexOf("\n", offset - 1) + 1, end < 0 ? undefined : end);
};

/** Walks the nodes in their order. `targets` is filled with what each alias stands for. */
function readNodes(root: Node, targets: Map<Node, Node>, refuse: Refuse, lineOf: (offset: number) => number): Raw {
  const anchors = new Map<string, Node>();
  let count = 0;

  const read = (written: Node | null, path: Path, open: readonly Node[], offset: number): Raw => {
    count += 1;
    if (count > limits.nodes) {
      return count === limits.nodes + 1 ? refuse(offset, path, `The file stands for more than ${limits.nodes} values`, example) : undefined;
    }
    const node = isAlias(written) ? anchors.get(written.source) : (written ?? undefined);
    if (isAlias(written)) {
      if (!node) return refuse(offset, path, "No anchor of this name stands above", "Put the value in quotes if it begins with *");
      targets.set(written, node);
    }
    if (!node) return undefined;
    if (open.length > limits.depth || open.includes(node)) return refuse(offset, path, "This is nested too deep", example);
    if (node.tag !== undefined && !/^tag:yaml\.org,2002:(str|map|seq)$/.test(node.tag)) {
      return refuse(offset, path, "YAML tags are not read", "Put the value in quotes if it begins with !");
    }
    if ("anchor" in node && node.anchor) anchors.set(node.anchor, node);
    if (isMap(node)) return readMap(node.items, path, [...open, node], offset);
    if (isSeq(node))
      return node.items.map((item, index) => read(item as Node | null, [...path, index], [...open, node], startOf(item) ?? offset));
    if (!isScalar(node)) return undefined;
    const text = String(node.value);
    return node.type === "PLAIN" && /^(~|null)?$/i.test(text) ? undefined : text;
  };

  const readMap = (items: readonly { key: unknown; value: unknown }[], path: Path, open: readonly Node[], offset: number): Raw => {
    const map: { [key: string]: Raw } = {};
    const seen = new Map<string, number>();
    for (const { key, value } of items) {
      const name = isScalar(key) ? String(key.value) : "";
      const where = startOf(key) ?? offset;
      const earlier = seen.get(name);
      if (name === "" || name === "__proto__") refuse(where, path, "This cannot be a key", "Write a word, a colon and a space");
      else if (name === "<<") refuse(where, path, "Merge keys (<<) are not read", "Put what machines share into defaults or pools");
      else if (earlier !== undefined) {
        refuse(where, [...path, name], `The key is given twice; the first is in line ${lineOf(earlier)}`, "Remove one of them");
      } else {
        seen.set(name, where);
        map[name] = read(value as Node | null, [...path, name], open, startOf(value) ?? where);
      }
    }
    return map;
  };

  return read(root, [], [], 0);
}

const startOf = (node: unknown): number | undefined => (node as Node | null)?.range?.[0];

function offsetOf(root: Node, { path, on }: Finding, targets: ReadonlyMap<Node, Node>): number {
  let node: Node | undefined = root;
  let offset = startOf(root) ?? 0;
  for (const [index, segment] of path.entries()) {
    const open: Node | undefined = node && (targets.get(node) ?? node);
    const pair = isMap(open) ? open.items.find(({ key }) => isScalar(key) && key.value === segment) : undefined;
    const item: unknown = isSeq(open) && typeof segment === "number" ? open.items[segment] : pair?.value;
    if (pair === undefined && item === undefined) return offset;
    node = (item as Node | null) ?? undefined;
    const key = startOf(pair?.key);
    const wantsKey = key !== undefined && (!isScalar(node) || (on === "key" && index === path.length - 1));
    offset = (wantsKey ? key : startOf(node)) ?? offset;
  }
  return offset;
}
