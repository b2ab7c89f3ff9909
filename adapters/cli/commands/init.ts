import { type Command, Option } from "commander";
import { Failure } from "../failure.ts";
import type { InitAsked, InitMachine, Shell } from "../shell.ts";
import { paint } from "../text.ts";

type Told = Pick<InitAsked, "kind" | "user" | "passwordEnv" | "name" | "pin"> & {
  readonly port?: string;
  readonly out: string;
  readonly add?: boolean;
  readonly legacy?: boolean;
};

/** `init`: asks BMCs who they are and writes a first configuration, which only observes. */
export function initCommand(program: Command, shell: Shell): void {
  program
    .command("init")
    .description("ask BMCs what and who they are, and write a first lightsout.yaml; what is missing is asked for")
    .argument("[address...]", "of BMCs")
    .option("--user <name>", "the account on the BMC")
    .option("--password-env <variable>", "the environment variable with its password; the file refers to it")
    .option("--name <machine>", "what the machine is called")
    .option("--pin <sha256>", "the fingerprint that the certificate must have; else it is shown and asked for")
    .addOption(new Option("--kind <kind>", "how to talk to it, where it speaks both").choices(["redfish", "ipmi"]))
    .option("--port <number>", "where it listens, if not on the usual port")
    .option("--legacy", "accept TLS 1.0, as BMCs made before about 2015 need")
    .option("--out <file>", "the file to write", "lightsout.yaml")
    .option("--add", "add to the file that is there; what it says stays")
    .action(
      shell.action(async (addresses: readonly string[], { port, ...told }: Told) => {
        if (addresses.length > 1 && (told.name ?? told.pin) !== undefined) {
          const option = told.name === undefined ? "--pin" : "--name";
          throw new Failure("usage", `${option} is of one machine, and ${addresses.length} addresses are given`, {
            hint: "Give one address at a time: the first with --out, the others with --add",
          });
        }
        const made = await shell.hooks.init({
          ...told,
          addresses,
          add: told.add === true,
          legacy: told.legacy === true,
          ...(port !== undefined && { port: readPort(port) }),
          terminal: shell.json ? undefined : shell.terminal,
          say: (line) => shell.say(line),
        });
        shell.show(made, () => [
          ...made.machines.flatMap(machineLines),
          `${paint("green", "✔")} ${made.file} is written; its trust is observe: everything is decided and shown, nothing is done`,
          ...made.variables.map((name) => `  Where Lightsout is started, set: export ${name}=…`),
          `  Next: lightsout doctor${made.file === "lightsout.yaml" ? "" : ` --config ${made.file}`}`,
        ]);
        return "ok";
      }),
    );
}

function readPort(given: string): number {
  if (/^\d{1,5}$/.test(given) && Number(given) >= 1 && Number(given) <= 65_535) return Number(given);
  throw new Failure("usage", `"${given}" is not a port`, { hint: "Write a number from 1 to 65535" });
}

const machineLines = ({ name, manufacturer, model, power, serial, uuid, notes }: InitMachine): string[] => [
  `${paint("bold", name)}: ${[manufacturer, model].filter(Boolean).join(" ") || "a machine"}${power === undefined ? "" : `, power ${power}`}`,
  `  uuid ${uuid ?? "none that identifies it"}, serial ${serial ?? "none that identifies it"}`,
  ...notes.map((note) => `  ${paint("yellow", "!")} ${note}`),
];
