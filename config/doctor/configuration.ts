import type { Check } from "#adapters/cli/mod.ts";
import { type LoadedConfig, loadConfig } from "../load.ts";
import { ConfigError } from "../schema/problem.ts";
import type { Config } from "../schema.ts";
import type { Environment } from "../secret.ts";
import { type Finding, findings, ok, warning } from "./check.ts";
import { checkFiles, checkStop } from "./files.ts";

/** Reads the configuration, or tells every problem of it. */
export function readConfig(file: string, env: Environment): LoadedConfig | { readonly checks: readonly Check[] } {
  try {
    return loadConfig(file, { env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const absent = error.problems.every(({ message }) => message === "The file does not exist");
    return {
      checks: error.problems.map(({ column, fix, line, message, path }) => ({
        subject: "configuration",
        name: absent ? file : `${file}:${line}:${column}`,
        result: "failure",
        seen: path === "" ? message : `${path}: ${message}`,
        todo: absent ? "Make one: lightsout init <address of a BMC>; or copy config/example.yaml" : fix,
      })),
    };
  }
}

/** How a configuration that can be used reads. */
export async function checkConfig({ config, file }: LoadedConfig, env: Environment, withinMs: number): Promise<readonly Finding[]> {
  return [
    ok("file", `${file} is read: site ${config.site}`),
    checkMachines(config),
    ok("trust", trustOf(config)),
    ...(await findings("files", withinMs, async () => checkFiles(config, { file, env }))),
    checkStop(config.stopFile),
  ];
}

function checkMachines({ machines }: Config): Finding {
  if (machines.length === 0) return warning("machines", "there are none", "Add the first: lightsout init <address of its BMC> --add");
  const without = machines.filter(({ bmc }) => bmc === undefined).map(({ name }) => name);
  const pools = counted(machines.map(({ pool }) => pool));
  const bmcs = without.length === 0 ? "all with a BMC" : `without a BMC: ${without.join(", ")}`;
  return ok("machines", `${machines.length}, ${bmcs}; pools ${pools}`);
}

const trustOf = ({ machines }: Config): string =>
  `${counted(machines.map(({ trust }) => trust)) || "observe"} (what \`lightsout trust\` has changed since is in the store)`;

/** As `gpu (2), worker (3)`. */
function counted(words: readonly string[]): string {
  return [...new Set(words)].map((word) => `${word} (${words.filter((other) => other === word).length})`).join(", ");
}
