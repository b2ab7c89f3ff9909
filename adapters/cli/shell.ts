import type { Clock } from "#events";
import type { Client } from "./client.ts";
import type { Exit } from "./exit-codes.ts";

/** What the command line needs of the program around it. */
export interface CliHooks {
  /** Runs Lightsout until it is told to stop. */
  serve(options: { readonly config: string }): Promise<void>;
  /** Runs the demonstration; answers the exit code. */
  demo(options: DemoAsked): Promise<number>;
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
