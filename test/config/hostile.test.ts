import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { ConfigError, parseConfig } from "#config/load.ts";

/** The first message for a text, or `loads`. Anything but a ConfigError with problems fails the test. */
const outcome = (text: string | Uint8Array): string => {
  try {
    parseConfig(text, { file: "x.yaml", folder: "/nowhere", env: {} });
    return "loads";
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    for (const { line, column, message, fix } of error.problems) {
      expect(line).toBeGreaterThan(0);
      expect(column).toBeGreaterThan(0);
      expect(message && fix).not.toBe("");
    }
    return error.problems[0]?.message ?? "";
  }
};

const bomb = [
  "a: &a [x,x,x,x,x,x,x,x,x,x]",
  ..."bcdefghij".split("").map((key, index) => `${key}: &${key} [${Array(10).fill(`*${"abcdefghi"[index]}`).join(",")}]`),
];

describe("hostile YAML", () => {
  it.each<[string, string | Uint8Array, string]>([
    ["an empty file", "", "The file is empty"],
    ["only comments", "# nothing\n\n", "The file is empty"],
    ["null", "~", "The file is empty"],
    ["a byte order mark alone", "\uFEFF", "The file is empty"],
    ["zero bytes", "site: a\0b", "The file is not a text"],
    ["UTF-16", Buffer.from("\uFEFFsite: a", "utf16le"), "The file is not UTF-8"],
    ["a picture", Buffer.from("89504e470d0a1a0a0000000d49484452ffd8", "hex"), "The file is not UTF-8"],
    ["tabs", "http:\n\tlisten: x", "A tab is used to indent"],
    ["two documents", "site: a\n---\nsite: b", "The file holds more than one document"],
    ["a key twice", "site: a\nsite: b", "The key is given twice; the first is in line 1"],
    ["a merge key", "defaults: &d {}\npools: {a: {<<: *d}}", "Merge keys (<<) are not read"],
    ["a prototype", "__proto__: {trust: auto}", "This cannot be a key"],
    ["a map as a key", "? {a: b}\n: c", "This cannot be a key"],
    ["an unknown anchor", "site: *nobody", "No anchor of this name stands above"],
    ["a snake that eats its tail", "machines: &m [*m]", "This is nested too deep"],
    ["a tag", "site: !!js/function 'x'", "YAML tags are not read"],
    ["too many bytes", "#".repeat(1_048_577), "The file has 1048577 bytes; at most 1048576 are read"],
    ["many brackets", "[".repeat(50_000), "This is nested too deep"],
    ["many dashes", "- ".repeat(5000), "This is nested too deep"],
    ["an unquoted reference in braces", `a: {password: \${env:X}}`, "Something stands here that YAML does not expect"],
  ])("with %s is an error that says so", (_, text, message) => {
    expect(outcome(text)).toBe(message);
  });

  it("thirty floors high is refused, wherever it is", () => {
    const text = `site: ${"[".repeat(30)}${"]".repeat(30)}`;
    expect(() => parseConfig(text, { file: "x", folder: "/", env: {} })).toThrow("This is nested too deep");
  });

  it("that multiplies is stopped", () => {
    expect(() => parseConfig(bomb.join("\n"), { file: "x", folder: "/", env: {} })).toThrow("The file stands for more than 100000 values");
  });

  it("with more problems than anybody reads names the first few and stops", () => {
    const text = Array.from({ length: 3000 }, (_, index) => `key${index}: x`).join("\n");
    expect(() => parseConfig(text, { file: "x", folder: "/", env: {} })).toThrow(/has many problems.*key0.*… and at least 175 more$/s);
  });

  it("says how to quote a reference inside braces", () => {
    expect(() => parseConfig(`a: {password: \${env:X}}`, { file: "x", folder: "/", env: {} })).toThrow(
      `Inside { } a reference needs quotes: "\${env:NAME}"`,
    );
  });

  it("never puts a password that breaks the syntax into a message", () => {
    for (const password of [
      "*hunter2",
      "!hunter2 x",
      "@hunter2",
      "`hunter2",
      '"\\hunter2"',
      "'hunter2",
      "{hunter2",
      "a: hunter2",
      "|hunter2",
      "%hunter2",
      "&hunter2 b c: d",
    ]) {
      const text = `machines:\n  a:\n    bmc:\n      password: ${password}\n`;
      try {
        parseConfig(text, { file: "x.yaml", folder: "/", env: {} });
        throw new Error("it was accepted");
      } catch (error) {
        expect(error, password).toBeInstanceOf(ConfigError);
        expect(JSON.stringify(error) + String(error), password).not.toContain("hunter2");
      }
    }
  });

  it("of any bytes or text is a ConfigError or loads", () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), fc.string({ unit: "binary", maxLength: 200 })), (text) => void outcome(text)),
    );
  });

  it("of YAML's own punctuation is a ConfigError or loads", () => {
    const token = fc.constantFrom(
      ..."-?:,[]{}#&*!|>'\"%@` \n\t~",
      "<<",
      "...",
      "---",
      "machines:",
      "bmc",
      "  ",
      `\${env:`,
      "&a ",
      "*a",
      "\\",
      "\r\n",
      "!!str",
      "%YAML 1.1",
    );
    fc.assert(
      fc.property(fc.array(token, { maxLength: 60 }), (tokens) => void outcome(tokens.join(""))),
      { numRuns: 500 },
    );
  });

  it("with any shape behind the known keys is a ConfigError or loads", () => {
    const anything = fc.anything({
      withBigInt: false,
      withNullPrototype: false,
      maxDepth: 3,
      key: fc.constantFrom("a", "kind", "bmc", "name", "tls", "nats", "storm", "x y"),
    });
    const keys = ["site", "store", "http", "cluster", "trust", "guards", "defaults", "pools", "machines", "stopFile"] as const;
    const config = fc.record(Object.fromEntries(keys.map((key) => [key, anything])), { requiredKeys: [] });
    fc.assert(
      fc.property(config, (value) => void outcome(stringify(JSON.parse(JSON.stringify(value)), { aliasDuplicateObjects: false }))),
      { numRuns: 300 },
    );
  });

  it("says the same of one machine with any fields, in a list and by name", () => {
    const field = fc.oneof(
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(fc.string()),
      fc.dictionary(fc.string(), fc.string()),
    );
    const names = [
      "uuid",
      "serial",
      "macs",
      "role",
      "pool",
      "rack",
      "domains",
      "bmc",
      "node",
      "address",
      "gpus",
      "bootTime",
      "trust",
      "pet",
      "foundOff",
    ] as const;
    const machine = fc.record(Object.fromEntries(names.map((name) => [name, field])), { requiredKeys: [] });
    fc.assert(
      fc.property(machine, (value) => {
        const list = outcome(stringify({ machines: [{ name: "a", ...value }] }));
        expect(outcome(stringify({ machines: { a: value } }))).toBe(list);
      }),
      { numRuns: 300 },
    );
  });
});
