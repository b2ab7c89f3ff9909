import type { Document } from "../documents.ts";

/** One thing that is wrong with a machine configuration. Never holds a secret's value. */
export interface ConfigProblem {
  /** Stable: `secret-missing`, `vip-on-eth`. */
  readonly code: string;
  /** An `error` keeps a machine from being armed; a `warning` is shown. */
  readonly level: "error" | "warning";
  /** The document and the keys that lead there: `machine.install.image`, `HostnameConfig.auto`. */
  readonly path: string;
  readonly message: string;
  readonly fix: string;
}

/** What is known of the machine beside its configuration. What is absent is not compared. */
export interface Expected {
  readonly role?: "worker" | "control-plane";
  readonly hostname?: string;
  /** With `v`: `v1.13.9`. */
  readonly version?: string;
  readonly schematic?: string;
  /** Official extensions of the schematic: `siderolabs/nvidia-container-toolkit-lts`. */
  readonly extensions?: readonly string[];
  readonly kernelArgs?: readonly string[];
  /** The DHCP server sends host names. */
  readonly dhcpHostname?: boolean;
}

/** What a rule looks at. */
export interface Subject {
  readonly documents: readonly Document[];
  /** The v1alpha1 document. */
  readonly main: Document;
  readonly worker: boolean;
  readonly expected: Expected;
}

export type Rule = (subject: Subject) => readonly ConfigProblem[];

export const error = (code: string, path: string, message: string, fix: string): ConfigProblem => ({
  code,
  level: "error",
  path,
  message,
  fix,
});
export const warning = (code: string, path: string, message: string, fix: string): ConfigProblem => ({
  ...error(code, path, message, fix),
  level: "warning",
});

/** Whether `version` is at least `major.minor`; `undefined` where it cannot be read. */
export function isAtLeast(version: string | undefined, minor: readonly [number, number]): boolean | undefined {
  const match = /^v?(\d+)\.(\d+)/.exec(version ?? "");
  if (!match) return undefined;
  const [major, own] = [Number(match[1]), Number(match[2])];
  return major > minor[0] || (major === minor[0] && own >= minor[1]);
}
