import { readdirSync, readFileSync } from "node:fs";
import { z } from "zod";
import { createCli, exitCodes } from "#adapters/cli/mod.ts";
import { createApp } from "#adapters/http/mod.ts";
import { loadFunctions } from "#config/functions.ts";
import { jsonSchema } from "#config/schema/json.ts";
import { builtinEvents } from "#events";
import { createGuards } from "#functions/guards/mod.ts";
import { createFakeDesk } from "#test/adapters/http/desk.ts";

const root = new URL("../../", import.meta.url);

/** What of docs/reference.md follows from the code, by the name between the markers. */
export async function tables(): Promise<Readonly<Record<string, string>>> {
  return {
    events: events(),
    http: http(),
    commands: commands(),
    exits: exits(),
    functions: await functions(),
    guards: guards(),
    keys: keys(),
  };
}

/** The page with every generated part as the code has it. Throws for markers of a part that there is not. */
export async function written(page: string): Promise<string> {
  const all = await tables();
  return page.replace(/<!-- generated: (\w+) -->\n[\s\S]*?<!-- end -->/g, (_, name: string) => {
    const text = all[name];
    if (text === undefined) throw new Error(`the page wants "${name}"; there are ${Object.keys(all).join(", ")}`);
    return `<!-- generated: ${name} -->\n${text}\n<!-- end -->`;
  });
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [line(head), `|${"---|".repeat(head.length)}`, ...rows.map(line)].join("\n");
}

const code = (text: string) => `\`${text}\``;

/** What the code itself says of a thing: the TSDoc above its declaration, by the name that the declaration gives it. */
function sentences(folder: string, declaration: RegExp): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const file of readdirSync(new URL(folder, root)).filter((name) => name.endsWith(".ts"))) {
    const source = readFileSync(new URL(`${folder}/${file}`, root), "utf8");
    for (const [, doc = "", name = ""] of source.matchAll(
      new RegExp(/\/\*\*((?:(?!\*\/)[\s\S])*?)\*\/\n/.source + declaration.source, "g"),
    ))
      found.set(
        name,
        doc
          .replace(/\n \* ?/g, " ")
          .replaceAll(/\s+/g, " ")
          .trim(),
      );
  }
  return found;
}

function saidOf(what: ReadonlyMap<string, string>, name: string): string {
  const text = what.get(name);
  if (text === undefined || text === "") throw new Error(`the code says nothing of ${name}: write its TSDoc`);
  return text;
}

function events(): string {
  const said = sentences("events/catalogue", /export const \w+ = defineEvent\(\s*"([\w-]+)"/);
  const origins = ["external", "operator", "internal"];
  const order = ({ origin, type }: (typeof builtinEvents)[number]) => `${origins.indexOf(origin)} ${type}`;
  const sorted = builtinEvents.toSorted((a, b) => (order(a) < order(b) ? -1 : 1));
  const rows = sorted.map(({ type, origin, schema }) => [code(type), origin, fieldsOf(schema).join(", "), saidOf(said, type)]);
  return table(["type", "origin", "data", "what it says"], rows);
}

/** The fields of an object as they are sent, each with its choices where there are few. */
function fieldsOf(schema: z.ZodType, before = ""): string[] {
  const { anyOf, properties = {}, required = [] } = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" });
  if (anyOf) return ["one event"];
  return Object.entries(properties).map(([name, field]) => {
    const { enum: choices } = field as { enum?: readonly string[] };
    const optional = required.includes(name) || before !== "" ? "" : "?";
    return `${code(`${before}${name}${optional}`)}${choices ? ` (${choices.join(", ")})` : ""}`;
  });
}

function http(): string {
  const { ways } = createApp(createFakeDesk(), { tokens: [] });
  const rows = ways.map(({ body, method, notes, path, needs, query, summary }) => [
    code(`${method} ${path}`),
    needs,
    notes === undefined ? summary : `${summary}. ${notes}`,
    [...(query ? fieldsOf(query, "?") : []), ...(body ? fieldsOf(body) : [])].join(", "),
  ]);
  return table(["way", "role", "what it does", "takes"], rows);
}

function commands(): string {
  const none = async (): Promise<never> => {
    throw new Error("only its help is asked for");
  };
  const cli = createCli({
    out: () => undefined,
    err: () => undefined,
    env: {},
    serve: none,
    demo: none,
    schema: none,
    doctor: none,
    init: none,
  });
  const rows = cli.commands.map(({ description, options, usage }) => [
    code(`lightsout ${usage}`),
    description,
    options.map(({ flags }) => code(flags)).join(", "),
  ]);
  return table(["command", "what it does", "options"], rows);
}

const exits = () =>
  table(
    ["code", "means"],
    Object.values(exitCodes).map(({ code: number, meaning }) => [String(number), meaning]),
  );

async function functions(): Promise<string> {
  const said = sentences("functions", /export default defineFunction\(\s*\{\s*id: "([\w-]+)"/);
  const rows = (await loadFunctions(undefined)).map(({ acts = [], id, on }) => [
    code(id),
    code(on.type),
    saidOf(said, id),
    acts.length === 0 ? "none" : acts.join(", "),
  ]);
  return table(["function", "on", "what it does", "acts"], rows);
}

function guards(): string {
  const said = sentences("functions/guards", /export function \w+Guard\b(?:(?!\n}\n)[\s\S])*?\bname: "([\w-]+)"/);
  const nothing = new Proxy({}, { get: () => () => undefined });
  const all = createGuards({
    office: { settings: nothing, incidents: nothing, reservations: nothing, clock: nothing },
    runs: nothing,
    ports: nothing,
    stopFile: () => undefined,
    storm: {},
  } as never);
  return table(
    ["guard", "what it holds back"],
    all.map(({ name }) => [code(name), saidOf(said, name)]),
  );
}

type Key = readonly [path: string, said: string, usual: string];

/** The keys of lightsout.yaml. What defaults and pools say of machines stands once, with the machines. */
function keys(): string {
  const all = keysIn(jsonSchema(), "");
  const ofMachines = new Set(all.map(([path]) => path).filter((path) => path.startsWith("machines.<name>.")));
  const once = ([path]: Key) => {
    const [, rest] = /^(?:defaults|pools\.<name>|machines\[\])\.(.+)$/.exec(path) ?? [];
    return rest === undefined || !(ofMachines.has(`machines.<name>.${rest}`) || path.startsWith("machines[]"));
  };
  return table(
    ["key", "what it says", "without it"],
    all.filter(once).map(([path, said, usual]) => [code(path), said, usual === "" ? "" : code(usual)]),
  );
}

/** Every key below a part of the schema, by its whole path. */
function keysIn(part: ReturnType<typeof jsonSchema>, above: string): Key[] {
  const { additionalProperties, anyOf = [], items, properties = {} } = part;
  return [
    ...Object.entries(properties).flatMap(([name, inner]): Key[] => {
      const path = above === "" ? name : `${above}.${name}`;
      const { default: usual, description } = inner;
      if (typeof description !== "string") throw new Error(`the schema says nothing of ${path}: describe it`);
      return [[path, description, typeof usual === "string" ? usual : ""], ...keysIn(inner, path)];
    }),
    ...(typeof additionalProperties === "object" ? keysIn(additionalProperties, `${above}.<name>`) : []),
    ...(items ? keysIn(items, `${above}[]`) : []),
    ...anyOf.flatMap((one) => keysIn(one, above)),
  ];
}
