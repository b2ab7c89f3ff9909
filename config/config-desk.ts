import type { ArmRow, Desk } from "#adapters/http/port.ts";
import { parseDocuments, printDocuments, shownDocuments } from "#adapters/machineconfig/mod.ts";
import { createDnsmasqConfig } from "#adapters/netboot/mod.ts";
import type { Arm, Arms } from "#adapters/netboot/port.ts";
import { LightsoutError } from "#events";
import type { Ports } from "#functions/define.ts";
import type { Config } from "./schema.ts";

/** What people see of declared configurations, arms and snapshots. No answer holds a secret. */
export function createConfigDesk(options: {
  config: Config;
  ports: Pick<Ports, "inventory" | "talos" | "configs" | "snapshots">;
  /** Absent where no boot server is configured: then nothing is armed. */
  arms: Arms | undefined;
}): Pick<Desk, "configs" | "netboot" | "snapshots"> {
  const { arms, config, ports } = options;
  const { configs, inventory, snapshots, talos } = ports;
  const known = (machine: string) => inventory.machine(machine).name;

  return {
    configs: {
      async show(machine) {
        const { text } = await configs.render(known(machine));
        return printDocuments(shownDocuments(parseDocuments(text)));
      },
      async problems(machine) {
        const asked =
          machine === undefined
            ? inventory
                .machines()
                .map(({ name }) => name)
                .filter(configs.has)
            : [known(machine)];
        return await Promise.all(asked.map(async (name) => ({ machine: name, problems: await configs.problems(name) })));
      },
      diff: async (machine) => await configs.diff(known(machine), await talos.of(machine).configuration(AbortSignal.timeout(20_000))),
    },
    netboot: {
      arms: async () => ((await arms?.all()) ?? []).map(row),
      async disarm(machine, why) {
        const name = known(machine);
        const arm = await arms?.disarm(name, { why });
        return arm && row(arm);
      },
      dnsmasq: () => dnsmasqOf(config),
    },
    snapshots: async () => (await snapshots.list()).map(({ at, ...rest }) => ({ ...rest, at: new Date(at).toISOString() })),
  };
}

/** The dnsmasq configuration for the machines of the inventory. Those without a MAC are named in it, and left out. */
export function dnsmasqOf({ machines, netboot }: Config): string {
  const { dnsmasq, url } = netboot ?? {};
  if (!dnsmasq || url === undefined) {
    throw new LightsoutError("LO_NOT_CONFIGURED", "Nothing says how dnsmasq is to be configured", {
      hint: "Give netboot.url and netboot.dnsmasq in lightsout.yaml: { interface, subnet }",
    });
  }
  const named = machines.filter(({ macs }) => macs.length > 0);
  const left = machines
    .filter(({ macs }) => macs.length === 0)
    .map(({ name }) => `# ${name} is left out: it has no macs in the inventory.\n`);
  return createDnsmasqConfig({ ...dnsmasq, url, machines: named }) + left.join("");
}

const row = ({ evidence, expires, machine, profile, run, state }: Arm): ArmRow => ({
  machine,
  run,
  state,
  boots: profile.kernel,
  expires: new Date(expires).toISOString(),
  evidence: evidence.map(({ at, detail, stage }) => ({ stage, at: new Date(at).toISOString(), detail })),
});
