import type { Clock } from "#events";
import type { Client } from "./client.ts";
import type { Exit } from "./exit-codes.ts";

/** What the command line needs of the program around it. */
export interface CliHooks {
  /** Runs Lightsout until it is told to stop. */
  serve(options: { readonly config: string }): Promise<void>;
  /** The JSON Schema of `lightsout.yaml`. */
  schema(): Promise<object>;
  /** Runs the demonstration; answers the exit code. */
  demo(options: DemoAsked): Promise<number>;
  /** Looks over everything that a configuration names, and changes nothing. */
  doctor(options: { readonly config: string }): Promise<readonly Check[]>;
  /** Makes a first configuration of what BMCs say of themselves. */
  init(asked: InitAsked): Promise<InitMade>;
  /** Prints a line (a JSON document is one call) to the standard output. */
  out(line: string): void;
  /** Prints a line to the standard error. */
  err(line: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Whom to ask; default the process's terminal, if it has one. */
  readonly terminal?: Terminal | undefined;
  readonly clock?: Clock;
  /** How wide lines may be; default the process's terminal, and without an end where the output is none. */
  readonly columns?: number;
}

/** A person at a keyboard. */
export interface Terminal {
  ask(question: string): Promise<string>;
  /** As `ask`, and what is typed is not shown. */
  askSecret(question: string): Promise<string>;
}

/** One thing that was looked at. */
export interface Check {
  /** What it belongs to: a machine, or a part such as `store`. */
  readonly subject: string;
  readonly name: string;
  readonly result: "ok" | "warning" | "failure";
  readonly seen: string;
  /** The next thing to do. */
  readonly todo?: string;
}

/** What a first configuration is to be made of. What is missing is asked for at the terminal, where there is one. */
export interface InitAsked {
  /** Of BMCs; empty: one is asked for. */
  readonly addresses: readonly string[];
  readonly out: string;
  /** Adds to the file that is there. */
  readonly add: boolean;
  readonly kind?: "redfish" | "ipmi";
  readonly port?: number;
  readonly user?: string;
  /** The environment variable that holds the password. */
  readonly passwordEnv?: string;
  readonly name?: string;
  /** The SHA-256 fingerprint that the BMC's certificate must have. */
  readonly pin?: string;
  /** Accept TLS 1.0, as old BMCs need. */
  readonly legacy: boolean;
  readonly terminal: Terminal | undefined;
  /** Tells a person what was found. */
  say(line: string): void;
}

/** A machine as it was written. */
export interface InitMachine {
  readonly name: string;
  readonly kind: "redfish" | "ipmi" | "none";
  readonly address: string;
  readonly fingerprint?: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly manufacturer?: string;
  readonly model?: string;
  readonly power?: string;
  readonly macs: readonly string[];
  /** What is to be known of it. */
  readonly notes: readonly string[];
}

/** The file that was written. */
export interface InitMade {
  readonly file: string;
  readonly machines: readonly InitMachine[];
  /** The environment variables that have to be set. */
  readonly variables: readonly string[];
}

/** What commands share. */
export interface Shell {
  readonly hooks: CliHooks;
  readonly clock: Clock;
  readonly terminal: Terminal | undefined;
  readonly columns: number;
  /** `--json`: one document is printed, and no lines. */
  readonly json: boolean;
  readonly client: Client;
  /** Lines for a person; nothing with `--json`. */
  say(...lines: readonly string[]): void;
  /** The command's answer: a document with `--json`, else these lines. */
  show(document: unknown, lines: () => readonly string[]): void;
  /** Makes a commander action of a function that may answer with an exit code. */
  action<Given extends readonly unknown[]>(
    work: (...given: Given) => Promise<Exit | number | undefined>,
  ): (...given: Given) => Promise<void>;
}

/** What a demonstration is to show: a recovery where no story is named. */
export interface DemoAsked {
  readonly json: boolean;
  readonly store?: string;
  readonly story?: "upgrade" | "rebuild" | "bootstrap";
  readonly rollback?: boolean;
}
