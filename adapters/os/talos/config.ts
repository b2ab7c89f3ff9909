import type { Permit } from "#events";
import { UnsupportedError } from "#events";
import type { ApplyMode, ApplyOptions, ConfigAnswer } from "../port.ts";
import { only } from "./answer.ts";
import type { Admitted, Client } from "./client.ts";
import { talosError } from "./failures.ts";
import { type ApplyConfiguration, MachineService, ApplyConfigurationRequest_Mode as Mode } from "./gen/machine_pb.ts";
import { getText } from "./resources.ts";
import { readVersion, since } from "./versions.ts";

const modes: Readonly<Record<ApplyMode, Mode>> = {
  auto: Mode.AUTO,
  "no-reboot": Mode.NO_REBOOT,
  staged: Mode.STAGED,
  try: Mode.TRY,
  reboot: Mode.REBOOT,
};

const names = Object.entries(modes) as [ApplyMode, Mode][];

function told({ mode, modeDetails, warnings }: ApplyConfiguration): ConfigAnswer {
  return { mode: names.find(([, value]) => value === mode)?.[0] ?? "auto", details: modeDetails, warnings };
}

const bytes = (config: string) => new TextEncoder().encode(config);

/** The active one, all documents byte for byte as they were handed over: it is the one kind whose spec is no object of Talos's own. */
export async function readConfiguration({ ask, machine }: Client, signal: AbortSignal | undefined): Promise<string> {
  const operation = "machine configuration";
  const kind = { namespace: "config", type: "MachineConfigs.config.talos.dev", id: "v1alpha1" };
  const found = await getText(ask, kind, { operation, signal });
  if (found?.trim()) return found;
  const why = found === undefined ? "it has none" : "the machine answered an empty one";
  throw talosError({ machine, operation, sent: false }, "LO_TALOS_PROTOCOL", why, "Look at the machine's console");
}

/** What the machine says the configuration would change. Sent with `dry_run`: it changes nothing. */
export async function diffConfiguration(
  client: Client,
  config: string,
  mode: ApplyMode,
  signal: AbortSignal | undefined,
): Promise<ConfigAnswer> {
  return await client.ask(MachineService, { operation: "apply-config --dry-run", signal }, async (calls, options) =>
    told(only(await calls.applyConfiguration({ data: bytes(config), mode: modes[mode], dryRun: true }, options))),
  );
}

/** Hands over a configuration, in a mode that is always named: the wire's default is to reboot. */
export async function applyConfiguration(
  client: Client,
  permit: Permit,
  config: string,
  { mode, tryMs = 60_000 }: ApplyOptions,
): Promise<ConfigAnswer> {
  const act = client.admit(permit, "apply-config");
  if (mode === "reboot") {
    const { tag } = await readVersion(act.ask, client.machine, act.signal);
    if (since(tag, 14)) {
      const why = `Talos 1.14 took it out and the machine runs ${tag}: apply it with auto, then reboot`;
      throw new UnsupportedError(client.machine, "apply-config --mode reboot", why);
    }
  }
  return await handOver(act, config, modes[mode], mode === "try" ? Math.trunc(tryMs) : undefined);
}

/** Without asking for a version first: a machine in maintenance may not tell it. */
export async function handOver(act: Admitted, config: string, mode: Mode, tryMs?: number): Promise<ConfigAnswer> {
  const tryModeTimeout =
    tryMs === undefined ? {} : { tryModeTimeout: { seconds: BigInt(Math.trunc(tryMs / 1000)), nanos: (tryMs % 1000) * 1_000_000 } };
  return await act.send(MachineService, { operation: "apply-config" }, async (calls, options) =>
    told(only(await calls.applyConfiguration({ data: bytes(config), mode, dryRun: false, ...tryModeTimeout }, options))),
  );
}
