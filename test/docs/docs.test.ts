import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createCli } from "#adapters/cli/mod.ts";
import { doctor } from "#config/doctor/doctor.ts";
import { init } from "#config/init/init.ts";
import { startLab } from "#config/lab.ts";
import { parseConfig } from "#config/load.ts";
import { jsonSchema } from "#config/schema/json.ts";
import { words } from "./transcript.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...readdirSync(new URL("docs/", root)).map((file) => `docs/${file}`)];
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

test("the README shows the node-lost function as it is", () => {
  expect(read("README.md")).toContain(`\`\`\`ts\n${read("functions/node-lost.ts")}\`\`\``);
});

test("code that pages show under the name of a file is in that file", () => {
  const shown = pages.flatMap((page) =>
    [...read(page).matchAll(/^```ts\n\/\/ ((?:adapters|config|events|functions|test)\/\S+)\n([\s\S]*?)^```$/gm)].map(
      ([, file = "", code = ""]) => ({ page, file, code }),
    ),
  );
  expect(shown.length).toBeGreaterThan(5);
  for (const { page, file, code } of shown) expect(read(file), page).toContain(code);
});

test("every link between pages leads somewhere", () => {
  const anchors = (text: string) =>
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
      heading
        .toLowerCase()
        .replace(/[^\w -]/g, "")
        .replaceAll(" ", "-"),
    );
  for (const page of pages) {
    const folder = page.includes("/") ? page.slice(0, page.lastIndexOf("/") + 1) : "";
    for (const [, target = "", anchor] of read(page).matchAll(/\]\(([^)#]*)(?:#([^)]+))?\)/g)) {
      if (/^https?:/.test(target)) continue;
      const there = target === "" ? page : folder + target;
      expect(() => read(there), `${page} → ${target}`).not.toThrow();
      if (anchor !== undefined) expect(anchors(read(there)), page).toContain(anchor);
    }
  }
});

test("every npm script that the pages name exists", () => {
  for (const page of pages) {
    for (const [, name = ""] of read(page).matchAll(/(?:^|`|\$ )npm (?:run )?([a-z:]+)/gm))
      expect(Object.keys(scripts), page).toContain(name);
  }
});

test("the configuration that pages show is one that is read", ({ onTestFinished }) => {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-docs-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "own"));
  const env = { BMC_PASSWORD: "c0rrect-horse" };
  const shown = pages.flatMap((page) => [...read(page).matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map(([, yaml = ""]) => ({ page, yaml })));
  expect(shown.length).toBeGreaterThan(1);
  for (const { page, yaml } of shown) expect(() => parseConfig(yaml, { file: page, folder, env })).not.toThrow();
});

/** Every `lightsout …` in the pages, in code blocks and in lines, with names that the lab has. */
function commands(): string[] {
  const found = pages.flatMap((page) =>
    [
      ...read(page)
        .replace(/<!-- generated: [\s\S]*?<!-- end -->/g, "")
        .matchAll(/(?:^|`)(?:npx )?lightsout ([^`\n]+)/gm),
    ].map(([, args = ""]) => args.trim()),
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
        schema: async () => jsonSchema(),
        doctor: () => doctor({ config: join(folder, "lightsout.yaml"), env, osAddress: lab.rack.osAddress }),
        // The address in the pages is nobody's: a BMC of the lab stands in for it.
        init: (asked) => init({ ...asked, addresses: ["127.0.0.1"], kind: "redfish", port, out: join(folder, "lightsout.yaml") }, env),
      });
      const code = await cli.run(words(args));
      // 2 is a usage error, 3 nobody answers, 4 not authorised: none of them may come of what the pages tell people to type.
      expect([0, 1, 5], lines.join("\n")).toContain(code);
    });
  }
});
