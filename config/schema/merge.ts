import type { Role, Trust } from "#adapters/inventory/mod.ts";
import type { Duration } from "#events";
import { type BmcConfig, type BmcTls, kgBytes, type WrittenBmc } from "./bmc.ts";
import type { MachineDefaults, Pools, WrittenMachine } from "./machine.ts";
import type { Finding } from "./problem.ts";
import { present } from "./store.ts";
import type { TalosConfig } from "./talos.ts";
import { type MachineTalos, mergeTalos } from "./talos-merge.ts";

/** A machine with everything that its pool and the defaults give it. */
export interface MachineConfig {
  readonly name: string;
  readonly uuid?: string;
  readonly serial?: string;
  readonly macs: readonly string[];
  readonly role: Role;
  readonly pool: string;
  readonly rack?: string;
  readonly domains: readonly string[];
  /** Absent for a machine without out-of-band control (`kind: none`). */
  readonly bmc?: BmcConfig;
  readonly node: string;
  readonly address?: string;
  readonly gpus: number;
  readonly bootTime: Duration;
  readonly patience: Duration;
  readonly trust: Trust;
  readonly disposable: boolean;
  readonly pet: boolean;
  readonly carriesLightsout: boolean;
  readonly foundOff: "ask" | "power-on";
  /** What it is meant to run; absent where nothing is said of Talos. */
  readonly talos?: MachineTalos;
}

/** What stands above the machines. */
export interface Above {
  readonly defaults: MachineDefaults;
  readonly pools: Pools;
  readonly trust: Trust;
  readonly patience: Duration;
  readonly talos?: TalosConfig | undefined;
}

/** Usual times from power on to Ready: memory and GPU checks make large machines slow. */
const usualBootTime = (gpus: number): Duration => (gpus > 0 ? "10m" : "5m");

/** One machine with what its pool, then `defaults`, then the built-in defaults give it; the nearest word counts. */
export function mergeMachine(
  written: WrittenMachine,
  above: Above,
  report: (finding: Omit<Finding, "path"> & { path: string[] }) => void,
): MachineConfig {
  const { defaults } = above;
  const pool = written.pool ?? defaults.pool ?? "default";
  const shared = Object.hasOwn(above.pools, pool) ? above.pools[pool] : undefined;
  const gpus = written.gpus ?? shared?.gpus ?? defaults.gpus ?? 0;
  const bmc = written.bmc && mergeBmc({ ...present(defaults.bmc ?? {}), ...present(shared?.bmc ?? {}), ...present(written.bmc) }, report);
  const role = written.role ?? shared?.role ?? defaults.role ?? "worker";
  const talos = mergeTalos(
    { site: above.talos, shared: [defaults.talos, shared?.talos], own: written.talos },
    { role, hardware: [pool, bmc?.kind ?? "no BMC", `${gpus} GPUs`].join(", ") },
    report,
  );
  const { uuid, serial, rack, address } = written;
  return {
    name: written.name,
    ...present({ uuid, serial, rack, address, bmc, talos }),
    macs: written.macs,
    role,
    pool,
    domains: written.domains,
    node: written.node ?? written.name,
    gpus,
    bootTime: written.bootTime ?? shared?.bootTime ?? defaults.bootTime ?? usualBootTime(gpus),
    patience: written.patience ?? shared?.patience ?? above.patience,
    trust: written.trust ?? shared?.trust ?? above.trust,
    disposable: written.disposable ?? shared?.disposable ?? false,
    pet: written.pet ?? shared?.pet ?? defaults.pet ?? false,
    carriesLightsout: written.carriesLightsout,
    foundOff: written.foundOff ?? shared?.foundOff ?? defaults.foundOff ?? "ask",
  };
}

function mergeBmc(bmc: WrittenBmc, report: (finding: { path: string[]; message: string; fix: string }) => void): BmcConfig | undefined {
  const { kind, address, port, user, password, kg, cipherSuite, auth, tls, spacing } = bmc;
  if (kind === "none") return undefined;
  const missing = Object.entries({ kind, address, user, password }).filter(([, item]) => item === undefined);
  for (const [key] of missing) {
    report({
      path: ["bmc"],
      message: `The ${key} of the BMC is missing`,
      fix: `Write bmc.${key}${key === "address" ? "" : " here, in the pool or in defaults"}`,
    });
  }
  if (kind === undefined || address === undefined || user === undefined || password === undefined) return undefined;
  if (kind === "ipmi") {
    // IPMI 2.0, 22.28 to 22.30: user names have 16 bytes; passwords and keys 20.
    const lengths = {
      user: [Buffer.byteLength(user), 16],
      password: [Buffer.byteLength(password.reveal()), 20],
      kg: [kg ? kgBytes(kg).length : 0, 20],
    } as const;
    for (const [key, [length, most]] of Object.entries(lengths)) {
      if (length > most) {
        report({
          path: ["bmc", key],
          message: `This is longer than the ${most} bytes that IPMI allows`,
          fix: "Set a shorter one at the BMC, or use redfish",
        });
      }
    }
    return { kind, address, user, password, ...present({ port, kg, cipherSuite, spacing }) };
  }
  return { kind, address, user, password, auth: auth ?? "auto", tls: mergeTls(tls ?? {}, report), ...present({ port, spacing }) };
}

function mergeTls(
  tls: NonNullable<WrittenBmc["tls"]>,
  report: (finding: { path: string[]; message: string; fix: string }) => void,
): BmcTls {
  const { ca, pin, trustOnFirstUse, legacy = false, plain = false } = tls;
  const ways = [
    ca !== undefined && "ca",
    pin !== undefined && "pin",
    trustOnFirstUse === true && "trustOnFirstUse",
    plain && "plain",
  ].filter(Boolean);
  if (ways.length > 1) report({ path: ["bmc", "tls"], message: `${ways.join(" and ")} exclude each other`, fix: "Keep one of them" });
  if (plain) return { verify: "plain", legacy };
  if (pin !== undefined) return { verify: "pin", pin, legacy };
  if (ca !== undefined) return { verify: "ca", ca, legacy };
  return trustOnFirstUse === false ? { verify: "ca", legacy } : { verify: "first-use", legacy };
}
