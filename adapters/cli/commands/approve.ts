import type { Command } from "commander";
import type { Question } from "#adapters/http/port.ts";
import type { Accepted } from "../accepted.ts";
import { segment } from "../client.ts";
import { Failure } from "../failure.ts";
import type { Shell } from "../shell.ts";
import { jsonText, paint } from "../text.ts";

interface Given {
  readonly refuse?: boolean;
  readonly note?: string;
  readonly yes?: boolean;
}

/** `approve`: shows the exact plan and takes a person's decision on it. */
export function approveCommand(program: Command, shell: Shell): void {
  program
    .command("approve")
    .description("decide what a run asks; shows the exact plan first")
    .argument("<run>", "its id, or how it begins")
    .option("--refuse", "say no")
    .option("--note <text>", "kept with the decision")
    .option("--yes", "approve without being asked; needed where nobody sits at a terminal")
    .action(
      shell.action(async (given: string, { refuse = false, note, yes = false }: Given) => {
        if (refuse && yes) throw new Failure("usage", "--yes and --refuse contradict each other", { hint: "Give one of them" });
        const question = await findQuestion(shell, given);
        shell.say(...questionLines(question));
        if (!refuse && !yes && !(await agrees(shell))) {
          shell.say("Nothing was decided.");
          return "failed";
        }
        const { run, step, nonce, digest } = question;
        const decision = { step, nonce, digest, approve: !refuse, ...(note === undefined ? {} : { note }) };
        const accepted = await shell.client.post<Accepted>(`/v1/runs/${segment(run)}/decide`, decision);
        shell.show({ ...accepted, question, approve: !refuse }, () => [
          `${refuse ? "Refused" : "Approved"}. Follow it with: lightsout show ${run} --follow`,
        ]);
        return "ok";
      }),
    );
}

async function findQuestion(shell: Shell, given: string): Promise<Question> {
  const { questions } = await shell.client.get<{ questions: Question[] }>("/v1/questions");
  const exact = questions.filter(({ run }) => run === given);
  const found = exact.length > 0 ? exact : questions.filter(({ run }) => given !== "" && run.startsWith(given));
  const [first] = found;
  if (!first) {
    throw new Failure("failed", `No run whose id begins with "${given}" asks anything`, {
      hint: "`lightsout questions` lists what is asked",
    });
  }
  if (new Set(found.map(({ run }) => run)).size > 1) {
    throw new Failure("usage", `Several runs ask: ${found.map(({ run }) => run).join(", ")}`, { hint: "Give more of the id" });
  }
  return first;
}

const questionLines = (question: Question): string[] => [
  paint("bold", question.ask),
  `  run      ${question.run} (${question.function})`,
  ...(question.machine === undefined ? [] : [`  machine  ${question.machine}`]),
  `  step     ${question.step}`,
  `  asked    ${question.from}, until ${question.until}`,
  `  digest   ${question.digest}`,
  "  plan",
  ...jsonText(question.plan)
    .split("\n")
    .map((line) => `    ${line}`),
];

async function agrees(shell: Shell): Promise<boolean> {
  if (!shell.terminal || shell.json) {
    throw new Failure("usage", "Nobody can be asked here", { hint: "Read the plan, then give --yes to approve it or --refuse" });
  }
  return /^y(es)?$/i.test((await shell.terminal.ask("Approve exactly this? [y/N] ")).trim());
}
