import type { Arm, BootProfile, BootWay, Evidence, Netboot, Stage } from "#adapters/netboot/port.ts";
import { canonical, LightsoutError, milliseconds, RefusedError } from "#events";
import type { FakeConfigs } from "./configs.ts";
import type { Timeline } from "./timeline.ts";

/** Netboot in the fake world, and the boot server as its machines see it. Everything may be changed at any time. */
export interface FakeNetboot extends Netboot {
  /** How machines are led to the network; default `pxe` for all. */
  readonly ways: Map<string, BootWay>;
  /** False: the boot server answers nobody, so that machines boot their disks. */
  serves: boolean;
  /** False: nobody gets a configuration, however well armed. */
  servesConfigs: boolean;
  /** Why a machine's boot assets cannot be had. */
  readonly missing: Map<string, string>;
  /** A machine asks what to boot: its profile and what stage it is in, `undefined` for its disk. */
  ask(machine: string): { readonly profile: BootProfile; readonly wiping: boolean; readonly arm: string } | undefined;
  /** A machine has loaded what it was offered. */
  loaded(machine: string): void;
  /** A machine asks for its configuration. */
  take(machine: string): boolean;
}

type Stored = Arm & { readonly token: string };

/** Arms in memory, by the rules of the real ones: one run's at a time, used once, gone when it expires. */
export function createFakeNetboot(timeline: Timeline, configs: FakeConfigs): FakeNetboot {
  const arms = new Map<string, Stored>();
  let tokens = 0;
  const read = (machine: string): Stored | undefined => {
    timeline.catchUp();
    return arms.get(machine);
  };
  const note = (arm: Stored, stage: Stage, detail: string, change: Partial<Arm> = {}): Stored => {
    const evidence: readonly Evidence[] = [...arm.evidence, { stage, at: timeline.date(), detail }].slice(-32);
    const next = { ...arm, ...change, evidence };
    arms.set(arm.machine, next);
    return next;
  };
  const isOpen = (arm: Stored) => (arm.state === "armed" || arm.state === "taken") && timeline.date() < arm.expires;
  const offers = (arm: Stored | undefined): arm is Stored => arm !== undefined && arm.state === "armed" && isOpen(arm);
  const shown = ({ token: _, ...arm }: Stored): Arm => arm;

  const netboot: FakeNetboot = {
    ways: new Map(),
    serves: true,
    servesConfigs: true,
    missing: new Map(),
    arms: {
      async arm(machine, { run, profile, within }) {
        const now = read(machine);
        const refused = (code: "LO_ARMED" | "LO_ARM_SPENT", why: string) => new RefusedError(`${machine}: ${why}`, { code });
        if (now && now.run !== run && isOpen(now)) throw refused("LO_ARMED", `it is armed already, by run ${now.run}`);
        if (now?.run === run) {
          if (now.state !== "armed") throw refused("LO_ARM_SPENT", `the arm of run ${run} is used up: it is ${now.state}`);
          if (offers(now) && canonical(now.profile) === canonical(profile)) return now.token;
          if (offers(now)) throw refused("LO_ARMED", `run ${run} has armed it for ${now.profile.kernel}`);
        }
        tokens += 1;
        const expires = timeline.date() + milliseconds(within);
        const token = `token-${tokens}`;
        const fresh = { machine, run, profile, state: "armed", wiping: profile.wipe === true, expires, evidence: [], token } as const;
        note(fresh, "armed", `until ${new Date(expires).toISOString()}`);
        return token;
      },
      async of(machine) {
        const now = read(machine);
        return now && shown(now);
      },
      async consume(machine, run, proof) {
        const now = read(machine);
        if (now?.run !== run || (now.state !== "taken" && now.state !== "armed")) return false;
        note(now, "consumed", proof, { state: "consumed" });
        return true;
      },
      async disarm(machine, { run, why }) {
        const now = read(machine);
        if (!now || now.state === "consumed" || now.state === "disarmed" || (run !== undefined && now.run !== run))
          return now && shown(now);
        return shown(note(now, "disarmed", why, { state: "disarmed" }));
      },
    },
    async prepare(machine, { wipe }) {
      const missing = netboot.missing.get(machine);
      if (missing !== undefined) throw new LightsoutError("LO_ASSET", `${machine}: ${missing}`);
      const { schematic, version } = configs.declared(machine);
      const at = `${schematic}/${version}`;
      return { kernel: `${at}/kernel-amd64`, initramfs: `${at}/initramfs-amd64.xz`, args: ["talos.platform=metal"], wipe };
    },
    way: (machine) => netboot.ways.get(machine) ?? { by: "pxe" },
    ask(machine) {
      const now = arms.get(machine);
      if (!netboot.serves || !offers(now)) return undefined;
      note(now, "script-fetched", now.wiping ? "to wipe" : "to install");
      return { profile: now.profile, wiping: now.wiping, arm: now.token };
    },
    loaded(machine) {
      const now = arms.get(machine);
      if (!offers(now)) return;
      note(note(now, "kernel-sent", `to ${machine}`), "initramfs-sent", `to ${machine}`, { wiping: false });
    },
    take(machine) {
      const now = arms.get(machine);
      if (!netboot.serves || !netboot.servesConfigs || !offers(now) || now.wiping) return false;
      note(now, "config-sent", `to ${machine}`, { state: "taken" });
      return true;
    },
  };
  return netboot;
}
