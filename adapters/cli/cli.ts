import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { LightsoutError, systemClock } from "#events";
import { createClient } from "./client.ts";
import { approveCommand } from "./commands/approve.ts";
import { armsCommands } from "./commands/arms.ts";
import { attestCommand } from "./commands/attest.ts";
import { bootstrapCommand } from "./commands/bootstrap.ts";
import { cancelCommand } from "./commands/cancel.ts";
import { coldStartCommand } from "./commands/cold-start.ts";
import { configCommand } from "./commands/config.ts";
import { deadCommand } from "./commands/dead.ts";
import { demoCommand } from "./commands/demo.ts";
import { dnsmasqCommand } from "./commands/dnsmasq.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { driftCommand } from "./commands/drift.ts";
import { drillCommand } from "./commands/drill.ts";
import { emitCommand } from "./commands/emit.ts";
import { freezeCommands } from "./commands/freeze.ts";
import { holdCommand } from "./commands/hold.ts";
import { identifyCommand } from "./commands/identify.ts";
import { importCommand } from "./commands/import.ts";
import { initCommand } from "./commands/init.ts";
import { installCommand } from "./commands/install.ts";
import { kubernetesUpgradeCommand } from "./commands/kubernetes-upgrade.ts";
import { machinesCommand } from "./commands/machines.ts";
import { openapiCommand } from "./commands/openapi.ts";
import { powerCommand } from "./commands/power.ts";
import { questionsCommand } from "./commands/questions.ts";
import { rebuildCommand } from "./commands/rebuild.ts";
import { releaseCommand } from "./commands/release.ts";
import { restoreCommand } from "./commands/restore.ts";
import { resumeCommand } from "./commands/resume.ts";
import { runsCommand } from "./commands/runs.ts";
import { serveCommand } from "./commands/serve.ts";
import { shadowCommand } from "./commands/shadow.ts";
import { showCommand } from "./commands/show.ts";
import { snapshotCommands } from "./commands/snapshot.ts";
import { tokenCommand } from "./commands/token.ts";
import { trustCommand } from "./commands/trust.ts";
import { upgradeCommand } from "./commands/upgrade.ts";
import { whyCommand } from "./commands/why.ts";
import { exitCodes } from "./exit-codes.ts";
import { Failure } from "./failure.ts";
import { type CommandHelp, helpsOf } from "./help.ts";
import type { CliHooks, Shell } from "./shell.ts";
import { processTerminal } from "./terminal.ts";
import { harmless, jsonText, paint } from "./text.ts";

/** The command line. */
interface Cli {
  /** Runs one command; answers the exit code and never throws. `argv` starts behind the program's name: `process.argv.slice(2)`. */
  run(argv: readonly string[]): Promise<number>;
  /** Every command that does something, in the order of the help. */
  readonly commands: readonly CommandHelp[];
}

const commands = [
  serveCommand,
  demoCommand,
  initCommand,
  doctorCommand,
  machinesCommand,
  identifyCommand,
  powerCommand,
  rebuildCommand,
  installCommand,
  upgradeCommand,
  kubernetesUpgradeCommand,
  bootstrapCommand,
  coldStartCommand,
  snapshotCommands,
  restoreCommand,
  driftCommand,
  configCommand,
  armsCommands,
  dnsmasqCommand,
  importCommand,
  emitCommand,
  runsCommand,
  showCommand,
  questionsCommand,
  approveCommand,
  cancelCommand,
  resumeCommand,
  holdCommand,
  releaseCommand,
  attestCommand,
  drillCommand,
  freezeCommands,
  trustCommand,
  whyCommand,
  shadowCommand,
  deadCommand,
  tokenCommand,
  openapiCommand,
];

/** The command line over the HTTP API; `serve`, `demo`, `init` and `doctor` go to the hooks. */
export function createCli(hooks: CliHooks): Cli {
  return {
    get commands() {
      return assemble(hooks, () => undefined).commands.flatMap((command) => helpsOf(command));
    },
    async run(argv) {
      const json = argv.slice(0, argv.indexOf("--") === -1 ? undefined : argv.indexOf("--")).includes("--json");
      try {
        return await runOnce(hooks, argv);
      } catch (error) {
        return fail(hooks, error, json);
      }
    },
  };
}

async function runOnce(hooks: CliHooks, argv: readonly string[]): Promise<number> {
  const left = { code: 0 };
  const program = assemble(hooks, (code) => {
    left.code = code;
  });
  await program.parseAsync([...argv], { from: "user" });
  return left.code;
}

function assemble(hooks: CliHooks, leave: (code: number) => void): Command {
  const program = createProgram(hooks);
  const shell = createShell(hooks, program, leave);
  for (const add of commands) add(program, shell);
  for (const command of program.commands) nameInErrors(command, command.name());
  program.hook("preAction", (_, command) => checkOptions(command));
  return program;
}

function createProgram(hooks: CliHooks): Command {
  const print = (to: (line: string) => void) => (text: string) => to(text.replace(/\n$/, ""));
  const codes = Object.values(exitCodes).map(({ code, meaning }) => `  ${code}  ${meaning}`);
  return new Command("lightsout")
    .description("Event-driven, lights-out automation for bare-metal Talos clusters")
    .version(readVersion(), "--version", "print the version")
    .option("--url <url>", "where Lightsout answers (LIGHTSOUT_URL; http://127.0.0.1:7480)")
    .option("--token <token>", "who you are (better: LIGHTSOUT_TOKEN, which others on this machine cannot see)")
    .option("--json", "print one JSON document")
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: print(hooks.out), writeErr: print(hooks.err), outputError: () => undefined })
    .showSuggestionAfterError()
    .exitOverride()
    .addHelpText("after", `\nExit codes:\n${codes.join("\n")}\n\nWithout an installed command: npx lightsout …`);
}

/** What is wrong with a command line says of which command, so that its own help can be named. */
function nameInErrors(command: Command, about: string): void {
  command.exitOverride((error) => {
    throw Object.assign(error, { about });
  });
  for (const part of command.commands) nameInErrors(part, `${about} ${part.name()}`);
}

/** An option whose value is empty, or is another option, was given none. */
function checkOptions(command: Command): void {
  const own = [...command.options, ...(command.parent?.options ?? [])];
  for (const option of own) {
    const value: unknown = command.optsWithGlobals()[option.attributeName()];
    if (value === "") throw new Failure("usage", `${option.long} has no value: it is empty`, { hint: `Write it like: ${option.flags}` });
    if (own.some(({ long }) => long === value)) {
      throw new Failure("usage", `${option.long} has no value: ${value} follows it`, { hint: `Write it like: ${option.flags}` });
    }
  }
}

function createShell(hooks: CliHooks, program: Command, leave: (code: number) => void): Shell {
  const globals = () => program.opts<{ url?: string; token?: string; json?: boolean }>();
  const shell: Shell = {
    hooks,
    clock: hooks.clock ?? systemClock,
    terminal: "terminal" in hooks ? hooks.terminal : processTerminal(),
    columns: hooks.columns ?? (process.stdout.columns || Number.POSITIVE_INFINITY),
    get json() {
      return globals().json === true;
    },
    get client() {
      const { url = hooks.env.LIGHTSOUT_URL || "http://127.0.0.1:7480", token = hooks.env.LIGHTSOUT_TOKEN || undefined } = globals();
      return createClient({ url, token });
    },
    say(...lines) {
      if (!shell.json) for (const line of lines) hooks.out(harmless(line.replaceAll("\n", " ")));
    },
    show(document, lines) {
      if (shell.json) hooks.out(jsonText(document));
      else shell.say(...lines());
    },
    action:
      (work) =>
      async (...given) => {
        const exit = await work(...given);
        leave(typeof exit === "number" ? exit : exitCodes[exit ?? "ok"].code);
      },
  };
  return shell;
}

/** Says what failed and what to do next; with `--json` as the one document. Never a stack trace. */
function fail(hooks: CliHooks, error: unknown, json: boolean): number {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const known = describe(error);
  if (json) hooks.out(jsonText({ error: known }));
  else {
    hooks.err(harmless(`${paint("red", "lightsout:", process.stderr)} ${known.message}`));
    if (known.hint !== undefined) hooks.err(harmless(`  ${known.hint}`));
  }
  return known.exit;
}

function describe(error: unknown): { code: string; message: string; hint?: string | undefined; exit: number } {
  if (error instanceof CommanderError) {
    const message = error.code === "commander.help" ? "no command was given" : error.message.replace(/^error: /, "");
    const about = "about" in error ? `${error.about} ` : "";
    return { code: "LO_CLI_USAGE", message, hint: `See: lightsout ${about}--help`, exit: exitCodes.usage.code };
  }
  if (error instanceof LightsoutError) {
    const exit = exitCodes[error instanceof Failure ? error.exit : "failed"].code;
    return { code: error.code, message: error.message, hint: error.hint, exit };
  }
  const message = error instanceof Error ? error.message : String(error);
  const hint = "This is a defect of Lightsout; please report it with the command you gave";
  return { code: "LO_CLI_DEFECT", message: `unexpected: ${message}`, hint, exit: exitCodes.failed.code };
}

function readVersion(): string {
  const file = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(file) as { version: string }).version;
}
