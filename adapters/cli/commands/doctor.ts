import type { Command } from "commander";
import type { Check, Shell } from "../shell.ts";
import { paint } from "../text.ts";

/** `doctor`: looks over everything that the configuration names. Needs no server, and changes nothing. */
export function doctorCommand(program: Command, shell: Shell): void {
  program
    .command("doctor")
    .description("check configuration, store, every BMC, cluster and certificates, and say what to do; changes nothing")
    .option("--config <file>", "the configuration", "lightsout.yaml")
    .action(
      shell.action(async ({ config }: { config: string }) => {
        const checks = await shell.hooks.doctor({ config });
        const ok = checks.every(({ result }) => result !== "failure");
        shell.show({ ok, checks }, () => [...groups(checks), "", summary(checks)]);
        return ok ? "ok" : "failed";
      }),
    );
}

const marks = { ok: ["green", "✔"], warning: ["yellow", "!"], failure: ["red", "✘"] } as const;

const mark = (result: Check["result"]) => paint(marks[result][0], marks[result][1]);

/** The checks of one subject together, in the order in which subjects first appear. */
function groups(checks: readonly Check[]): string[] {
  const subjects = [...new Set(checks.map(({ subject }) => subject))];
  return subjects.flatMap((subject) => [
    paint("bold", subject),
    ...checks
      .filter((check) => check.subject === subject)
      .flatMap(({ name, result, seen, todo }) => [
        `  ${mark(result)} ${name}: ${seen}`,
        ...(todo === undefined ? [] : [`      → ${todo}`]),
      ]),
  ]);
}

function summary(checks: readonly Check[]): string {
  const count = (result: Check["result"]) => checks.filter((check) => check.result === result).length;
  const [warnings, failures] = [count("warning"), count("failure")];
  const parts = [`${count("ok")} ok`, `${warnings} warning${warnings === 1 ? "" : "s"}`, `${failures} failure${failures === 1 ? "" : "s"}`];
  return paint(failures > 0 ? "red" : warnings > 0 ? "yellow" : "green", parts.join(", "));
}
