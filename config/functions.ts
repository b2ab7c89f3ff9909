import { readdirSync, statSync } from "node:fs";
import { registerHooks } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type EventDefinition, type FunctionSpec, LightsoutError } from "#events";
import bootstrap from "#functions/bootstrap.ts";
import coldStart from "#functions/cold-start.ts";
import componentUpgrade from "#functions/component-upgrade.ts";
import csrApprover from "#functions/csr-approver.ts";
import driftCheck from "#functions/drift-check.ts";
import driftRepair from "#functions/drift-repair.ts";
import drill from "#functions/drill.ts";
import etcdBootstrap from "#functions/etcd-bootstrap.ts";
import etcdRestore from "#functions/etcd-restore.ts";
import etcdSnapshot from "#functions/etcd-snapshot.ts";
import install from "#functions/install.ts";
import kubernetesUpgrade from "#functions/kubernetes-upgrade.ts";
import nodeLost from "#functions/node-lost.ts";
import powerCycle from "#functions/power-cycle.ts";
import powerOff from "#functions/power-off.ts";
import powerOn from "#functions/power-on.ts";
import rebuild from "#functions/rebuild.ts";
import rollout from "#functions/rollout.ts";
import upgrade from "#functions/upgrade.ts";
import type { Config } from "./schema.ts";

/** The functions that come with Lightsout. */
const builtinFunctions: readonly FunctionSpec[] = [
  nodeLost,
  powerOn,
  powerOff,
  powerCycle,
  drill,
  coldStart,
  rebuild,
  install,
  bootstrap,
  etcdBootstrap,
  etcdSnapshot,
  etcdRestore,
  upgrade,
  rollout,
  kubernetesUpgrade,
  componentUpgrade,
  driftCheck,
  driftRepair,
  csrApprover,
];

const doors: Readonly<Record<string, string>> = {
  lightsout: new URL("../functions/mod.ts", import.meta.url).href,
  "lightsout/testing": new URL("../functions/testing/mod.ts", import.meta.url).href,
};

/** Lets functions outside this project import `lightsout` and `lightsout/testing`. */
function openDoors(): void {
  registerHooks({ resolve: (specifier, context, next) => next(doors[specifier] ?? specifier, context) });
}

/**
 * The built-in functions and those of a user's folder: every `.ts`, `.js` or `.mjs` file whose default export is a function. One with the
 * id of a built-in takes its place. Throws `LO_FUNCTION` naming the file.
 */
export async function loadFunctions(folder: string | undefined): Promise<readonly FunctionSpec[]> {
  if (folder === undefined) return builtinFunctions;
  openDoors();
  const own: FunctionSpec[] = [];
  for (const file of readdirSync(folder)
    .filter((name) => /\.(ts|js|mjs)$/.test(name) && !/\.(test|d)\.ts$/.test(name))
    .sort()) {
    const path = join(folder, file);
    const fail = (why: string, cause?: unknown): never => {
      throw new LightsoutError("LO_FUNCTION", `${path}: ${why}`, { hint: 'Export default defineFunction(…) from "lightsout"', cause });
    };
    // A file that has changed is another module: the one before is kept under its own name.
    const loaded = await import(`${pathToFileURL(path).href}?at=${statSync(path).mtimeMs}`).catch((error: unknown) =>
      fail(`cannot be loaded: ${String(error)}`, error),
    );
    const spec = (loaded as { default?: Partial<FunctionSpec> }).default;
    if (typeof spec?.id !== "string" || typeof spec.handler !== "function" || !spec.on)
      fail("its default export is not a function of Lightsout");
    else if (own.some((other) => other.id === spec.id)) fail(`the id "${spec.id}" is used twice in this folder`);
    else own.push(spec as FunctionSpec);
  }
  return [...builtinFunctions.filter((builtin) => !own.some((spec) => spec.id === builtin.id)), ...own];
}

/** The budgets of a configuration stand in for those written in the functions that declare one. */
export const limited = (functions: readonly FunctionSpec[], { perMachine, fleet }: Config["guards"]["budget"]): readonly FunctionSpec[] =>
  functions.map((spec) => (spec.limit ? { ...spec, limit: { perMachine, fleet } } : spec));

/** Answers the id of the function that works on an event. Throws `LO_FUNCTION` where none does. */
export const workerOn =
  (functions: readonly FunctionSpec[]) =>
  (event: EventDefinition): string => {
    const found = functions.find((spec) => spec.on.type === event.type);
    if (found) return found.id;
    throw new LightsoutError("LO_FUNCTION", `no function works on ${event.type}`, { hint: "Check the folder of your own functions" });
  };
