import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { ConfigError, loadConfig } from "#config/load.ts";
import { editorErrors } from "#test/config/editor.ts";
import { type Dice, mutateBytes, mutateJson } from "./mutate.ts";
import { pick } from "./sample.ts";

/** Configurations from a person's hand, and from worse hands, through the loader. */
export interface ConfigFuzz {
  /** One file: it is a configuration, or a list of problems with their places and without secrets. Throws for anything else. */
  one(dice: Dice): void;
  close(): void;
}

// What no message may hold: the values of references, and passwords that somebody writes into the file itself.
const secrets = {
  CP_01_BMC_PASSWORD: "s3cr3t-env-a",
  R740_01_BMC_PASSWORD: "s3cr3t-env-b",
  WS_01_BMC_PASSWORD: "s3cr3t-env-c",
  S3_SECRET_KEY: "s3cr3t-env-d",
};
const written = "s3cr3t-in-the-file";

const example = readFileSync(new URL("../../config/example.yaml", import.meta.url), "utf8");
const seeds: readonly string[] = [
  example,
  // Everything that the example has as a comment too.
  example.replaceAll(/^(\s*)# (\w+: .*)$/gm, "$1$2"),
  stringify({
    store: "nats://user:s3cr3t-in-the-file@10.0.0.1:4222",
    http: { listen: "[::1]:7480", tokens: [{ name: "me", role: "admin", sha256: "0123456789abcdef".repeat(4) }] },
    machines: [{ name: "a", bmc: { kind: "redfish", address: "10.0.0.2", user: "u", password: "$" + "{env:CP_01_BMC_PASSWORD}" } }],
  }),
];

const parsed: readonly unknown[] = seeds.map((seed) => parse(seed, { uniqueKeys: false }));

const anchors = Array.from(
  { length: 12 },
  (_, index) =>
    `k${index}: &k${index} [${Array(10)
      .fill(index === 0 ? "x" : `*k${index - 1}`)
      .join(", ")}]`,
);
const lines = [
  ...["__proto__: { trust: auto }", "constructor: x", "toString: [x]", "<<: *d", "? { a: b }", ": x", "- x", "---", "...", "%YAML 1.1"],
  ...["trust: auto", "machines: &m [*m]", "site: !!js/function 'x'", "pools: null", "\tsite: tab", "site: \u202eevil", "site: a\u0000b"],
  ...[
    `password: ${written}`,
    `  password: "\\q${written}"`,
    `bmc: { password: *${written} }`,
    `bmc: { password: {${written}} }`,
    `user: !${written} x`,
  ],
  ...[
    "password: $" + "{env:NOT_SET}",
    "password: $" + "{env:__proto__}",
    "password: $" + "{file:/nowhere}",
    "password: $" + "{file:/}",
    "a: $" + "{env:",
    "${",
  ],
  ...["gpus: 99999999999999999999", "port: 0x1F", "port: -1", "patience: 1e9d", "share: NaN", "bootTime: .inf", "macs: [1:2:3]"],
];
const whole: readonly string[] = [
  ...["", "~", "[]", "x", "\ufeff", "[".repeat(3000), "- ".repeat(3000), "{a: ".repeat(500), anchors.join("\n"), "#".repeat(1_048_577)],
  ...["a: &a\n  b: *a", "machines: [[[[[[]]]]]]", "machines: { __proto__: {} }", '"machines": {"": {}}', "x: ".padEnd(200_000, "é")],
];

export function createConfigFuzz(): ConfigFuzz {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-fuzz-"));
  const file = join(folder, "lightsout.yaml");
  return {
    one(dice) {
      const bytes = changed(dice);
      writeFileSync(file, bytes);
      try {
        load(file, bytes);
      } catch (error) {
        const input = JSON.stringify(bytes.toString("latin1").slice(0, 5000));
        throw new Error(`the configuration ${input}: ${error instanceof Error ? error.stack : String(error)}`, { cause: error });
      }
    },
    close: () => rmSync(folder, { recursive: true, force: true }),
  };
}

function load(file: string, bytes: Buffer): void {
  const count = bytes.toString("latin1").split(/\r\n|\r|\n/).length;
  try {
    const { config } = loadConfig(file, { env: { HOME: "/nowhere", ...secrets } });
    if (Object.hasOwn(Object.prototype, "trust")) throw new Error("the prototype of all was changed");
    if (JSON.stringify(config).includes("s3cr3t-env")) throw new Error("a secret shows in the configuration");
    const [flagged] = editorErrors(bytes.toString());
    if (flagged) throw new Error(`what loads is flagged in an editor: ${flagged.instancePath} ${flagged.message}`);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    if (error.problems.length === 0) throw new Error("refused without a reason");
    for (const { column, file: of, fix, line, message } of error.problems) {
      if (of !== file || message === "" || fix === "") throw new Error(`a problem without its words: ${of} "${message}" "${fix}"`);
      if (!(line >= 1 && line <= count && column >= 1)) throw new Error(`no such place: ${line}:${column} of ${count} lines`);
    }
    const said = `${error.message} ${JSON.stringify(error)} ${error.stack}`;
    const hidden = isTold(bytes.toString()) ? "s3cr3t-env" : "s3cr3t";
    if (said.includes(hidden)) throw new Error(`a secret is told: ${said.slice(0, 2000)}`);
  }
}

/** Whether a password stands where nobody can tell it from an address or a name: under no key of its own, and in no URL that is one still. */
const isTold = (text: string): boolean =>
  text
    .replace(/\/\/user:\S*@/g, "")
    .split("\n")
    .some((line) => line.includes("s3cr3t") && !/(password|secretKey|user): /.test(line));

function changed(dice: Dice): Buffer {
  const seed = pick(seeds, dice);
  switch (dice(16)) {
    case 0:
      return Buffer.from(pick(whole, dice));
    case 1:
    case 2:
      return mutateBytes(Buffer.from(seed), dice);
    case 3:
    case 4:
    case 5:
      return Buffer.from(stringify(mutateJson(mutateJson(pick(parsed, dice), dice), dice) ?? null));
    default:
      return Buffer.from(changedLines(seed.split("\n"), dice).join("\n"));
  }
}

/** One to four lines more, less, doubled, moved, or at another depth. */
function changedLines(given: readonly string[], dice: Dice): readonly string[] {
  const out = [...given];
  for (let changes = 1 + dice(4); changes > 0; changes -= 1) {
    const at = dice(out.length);
    const line = out[at] ?? "";
    const depth = /^ */.exec(line)?.[0] ?? "";
    const how = dice(5);
    if (how === 0) out.splice(at, 1);
    else if (how === 1) out.splice(dice(out.length), 0, line);
    else if (how === 2) out[at] = dice(2) === 0 ? ` ${line}` : line.slice(1);
    else if (how === 3) out.splice(at, 0, depth + pick(lines, dice));
    else
      out[at] = line.replace(
        /:.*$/,
        `: ${pick(["", "x", "[]", "{}", "{ a: b }", "*a", "&a x", "'", "|", "> x", "0", "true", "$" + "{env:NOT_SET}"], dice)}`,
      );
  }
  return out;
}
