import { LightsoutError } from "#events";
import { at, type Document, mainOf, parseDocuments } from "./documents.ts";
import { clusterRule, documentRule } from "./rules/documents.ts";
import { installRule, nvidiaRule } from "./rules/install.ts";
import { hostnameRule, networkRule, nodeRule } from "./rules/network.ts";
import { type ConfigProblem, type Expected, error, type Rule } from "./rules/rule.ts";
import { secretRule } from "./rules/secrets.ts";

const rules: readonly Rule[] = [clusterRule, documentRule, secretRule, installRule, nvidiaRule, hostnameRule, networkRule, nodeRule];

/**
 * What is wrong with a machine configuration, errors first; empty when nothing is known to be. A machine whose configuration has an error is
 * not armed. It knows the traps that cost an install, and does not replace `talosctl validate`. No message holds a secret.
 */
export function checkMachineConfig(config: string | readonly Document[], expected: Expected = {}): ConfigProblem[] {
  const read = typeof config === "string" ? attempt(config) : config;
  if ("code" in read) return [read];
  const main = mainOf(read);
  if (!main)
    return [error("incomplete", "", "There is no v1alpha1 document: the machine would stay in maintenance", "Render the base again")];
  const type = at(main, "machine", "type");
  const worker = type === "worker";
  if (!worker && type !== "controlplane" && type !== "init") {
    return [error("type", "machine.type", "This is neither controlplane nor worker", "Write one of the two")];
  }
  const role = worker ? "worker" : "control-plane";
  const other = expected.role !== undefined && expected.role !== role;
  const problems = [
    ...(other
      ? [error("role", "machine.type", `This is the configuration of a ${role}, the machine is a ${expected.role}`, "Take the other base")]
      : []),
    ...rules.flatMap((rule) => rule({ documents: read, main, worker, expected })),
  ];
  return problems.toSorted((a, b) => (a.level === b.level ? 0 : a.level === "error" ? -1 : 1));
}

function attempt(text: string): readonly Document[] | ConfigProblem {
  try {
    return parseDocuments(text);
  } catch (thrown) {
    if (thrown instanceof LightsoutError) return error("unreadable", "", thrown.message, thrown.hint ?? "Correct it");
    throw thrown;
  }
}
