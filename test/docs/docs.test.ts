import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCli, exitCodes } from "#adapters/cli/mod.ts";
import { createApp } from "#adapters/http/mod.ts";
import { doctor } from "#config/doctor/doctor.ts";
import { loadFunctions } from "#config/functions.ts";
import { init } from "#config/init/init.ts";
import { startLab } from "#config/lab.ts";
import { builtinEvents } from "#events";
import { createFakeDesk } from "#test/adapters/http/desk.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...readdirSync(new URL("docs/", root)).map((file) => `docs/${file}`)];
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

test("the README shows the node-lost function as it is", () => {
  expect(read("README.md")).toContain(`\`\`\`ts\n${read("functions/node-lost.ts")}\`\`\``);
});

test("the reference names every event", () => {
  const reference = read("docs/reference.md");
  expect(builtinEvents.filter(({ type }) => !reference.includes(`\`${type}\``)).map(({ type }) => type)).toEqual([]);
});

test("the reference has every function, what starts it and how it acts, and no other", async () => {
  const functions = read("docs/reference.md").split("## Functions")[1]?.split("## Guards")[0] ?? "";
  const rows = [...functions.matchAll(/^\| `([\w-]+)` \| `([\w-]+)` \| ([^|]+) \|$/gm)].map(
    ([, id, on, acts = ""]) => `${id} on ${on}: ${acts.startsWith("none: ") ? "" : acts}`,
  );
  const builtin = (await loadFunctions(undefined)).map(({ acts = [], id, on }) => `${id} on ${on.type}: ${acts.join(", ")}`);
  expect(rows.toSorted()).toEqual(builtin.toSorted());
});

test("the reference has every way into the HTTP API, with its role and what it does, and no other", () => {
  const { ways } = createApp(createFakeDesk(), { tokens: [] });
  const rows = [...read("docs/reference.md").matchAll(/^\| `((?:GET|POST|DELETE) \S+)` \| (\w+) \| (\S.*) \|$/gm)];
  expect(rows.map(([, way, role]) => `${way} ${role}`).toSorted()).toEqual(
    ways.map(({ method, path, needs }) => `${method} ${path} ${needs}`).toSorted(),
  );
  for (const [, way, , text = ""] of rows) {
    const { summary = "" } = ways.find(({ method, path }) => way === `${method} ${path}`) ?? {};
    expect(text.slice(0, summary.length), way).toBe(summary);
  }
});

test("the reference has every exit code as the help has it", () => {
  const rows = [...read("docs/reference.md").matchAll(/^\| (\d) \| (.+) \|$/gm)].map(([, code, meaning]) => ({
    code: Number(code),
    meaning,
  }));
  expect(rows).toEqual(Object.values(exitCodes));
});

test("every link between pages leads somewhere", () => {
  for (const page of pages) {
    const folder = page.includes("/") ? page.slice(0, page.lastIndexOf("/") + 1) : "";
    for (const [, target = ""] of read(page).matchAll(/\]\(([^)#]+)\)/g)) {
      if (!/^https?:/.test(target)) expect(() => read(folder + target), `${page} → ${target}`).not.toThrow();
    }
  }
});

test("every npm script that the pages name exists", () => {
  for (const page of pages) {
    for (const [, name = ""] of read(page).matchAll(/npm run ([a-z:]+)/g)) expect(Object.keys(scripts), page).toContain(name);
  }
});

/** Every `lightsout …` in the pages, in code blocks and in lines, with names that the lab has. */
function commands(): string[] {
  const found = pages.flatMap((page) =>
    [...read(page).matchAll(/(?:^|`)(?:npx )?lightsout ([^`\n]+)/gm)].map(([, args = ""]) => args.trim()),
  );
  const named = found.map((args) =>
    args
      .replaceAll("<machine>", "worker-01")
      .replaceAll("<pool>", "worker")
      .replaceAll("<run>", "0000")
      .replace(/ happened\|.*$/, " happened")
      .replaceAll("…", "now")
      .trim(),
  );
  return [...new Set(named)].filter((args) => !/^(demo|serve)\b/.test(args));
}

describe("every lightsout command in the pages is understood by a running Lightsout", () => {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-docs-"));
  let lab: Awaited<ReturnType<typeof startLab>>;
  beforeAll(async () => {
    lab = await startLab({ log: { fact: () => undefined, note: () => undefined } });
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true, force: true });
    await lab.close();
  });

  test("there are commands to try", () => {
    expect(commands().length).toBeGreaterThan(8);
  });

  for (const args of commands()) {
    test(`lightsout ${args}`, async () => {
      const lines: string[] = [];
      const say = (line: string) => lines.push(line);
      const env = { BMC_PASSWORD: lab.rack.env.LAB_BMC_PASSWORD };
      const port = lab.rack.bmcs.get("cp-01")?.port ?? 0;
      const cli = createCli({
        out: say,
        err: say,
        env: { LIGHTSOUT_URL: lab.lightsout.url },
        terminal: undefined,
        serve: async () => undefined,
        demo: async () => 0,
        doctor: () => doctor({ config: join(folder, "lightsout.yaml"), env, osAddress: lab.rack.osAddress }),
        // The address in the pages is nobody's: a BMC of the lab stands in for it.
        init: (asked) => init({ ...asked, addresses: ["127.0.0.1"], kind: "redfish", port, out: join(folder, "lightsout.yaml") }, env),
      });
      const code = await cli.run(args.split(" "));
      // 2 is a usage error, 3 nobody answers, 4 not authorised: none of them may come of what the pages tell people to type.
      expect([0, 1, 5], lines.join("\n")).toContain(code);
    });
  }
});
