import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, type TestContext } from "vitest";
import { createCli } from "#adapters/cli/mod.ts";
import { comparison, type Shown, transcript, words } from "./transcript.ts";

const root = new URL("../../", import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), "utf8");
const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };

/** What only looks is typed again until it shows what the page shows, as a person would. */
const looks = /^npx lightsout (machines|runs|show|why|questions|shadow)\b/;
/** No page fails by this: it ends one that would wait for ever. */
const patienceMs = 240_000;

type Ending = Pick<TestContext, "onTestFinished">;

/**
 * Types a page's commands in their order, and throws where what they say is not what the page shows. Commands go to the Lightsout that the
 * page starts itself, or to the one at `url`.
 *
 * @param options.scenes what `<!-- lab: … -->` in the page does
 */
export async function typePage(
  page: string,
  test: Ending,
  options: { url?: string; scenes?: Readonly<Record<string, () => void>> } = {},
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-page-"));
  test.onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const { matches, real } = comparison();
  let { url = "" } = options;

  const shows = async ({ command, lines }: Shown, again: boolean, look: () => Promise<string>) => {
    for (const end = performance.now() + patienceMs; ; ) {
      const output = await look();
      if (matches(lines, output)) return;
      if (!again || performance.now() > end) expect(output, `${page}: ${command}`).toBe(lines.join("\n"));
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  };
  for (const part of transcript(read(page))) {
    if ("scene" in part) {
      expect(options.scenes, page).toHaveProperty([part.scene]);
      options.scenes?.[part.scene]?.();
    } else if (part.command.startsWith("npm ")) {
      const stays = part.command === "npm start";
      const script = startScript(test, part.command, folder);
      if (!stays) await script.ended;
      await shows(part, stays, async () => script.said());
      url = /serves at (http:\S+)/.exec(script.said())?.[1] ?? url;
    } else if (part.command.startsWith("npx lightsout ")) {
      await shows(part, looks.test(part.command), () => lightsout(url, real(part.command)));
    } else {
      const [program = "", ...args] = words(part.command);
      expect(["touch", "rm"], part.command).toContain(program);
      execFileSync(program, args, { cwd: folder });
    }
  }
}

/** An npm script as package.json has it, in an empty folder, and what it has said so far. */
function startScript(test: Ending, command: string, folder: string) {
  const [, name = "", rest = ""] = /^npm (?:run )?([\w:]+)(?: -- (.+))?$/.exec(command) ?? [];
  const [, file = "", ...args] = [...words(scripts[name] ?? ""), ...words(rest)];
  const child = spawn(process.execPath, [fileURLToPath(new URL(file, root)), ...args], {
    cwd: folder,
    env: { ...process.env, LIGHTSOUT_LISTEN: "127.0.0.1:0", NO_COLOR: "1" },
  });
  test.onTestFinished(() => void child.kill("SIGKILL"));
  const said: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => said.push(text));
  return { said: () => said.join("").trimEnd(), ended: once(child, "close") };
}

async function lightsout(url: string, command: string): Promise<string> {
  const said: string[] = [];
  const say = (line: string) => said.push(line);
  const never = () => Promise.reject(new Error("this page starts nothing with the command line"));
  const others = { serve: never, demo: never, doctor: never, init: never, schema: never };
  const cli = createCli({ out: say, err: say, env: { LIGHTSOUT_URL: url }, terminal: undefined, ...others });
  const code = await cli.run(words(command).slice(2));
  // 2 is a usage error, 3 nobody answers, 4 not authorised: none of them may come of what a page tells people to type.
  expect([0, 1, 5], `${command}\n${said.join("\n")}`).toContain(code);
  return said.join("\n");
}
