import type { Os } from "#adapters/os/port.ts";
import { attestedPowers } from "#adapters/power/attested.ts";
import type { Powers } from "#adapters/power/port.ts";
import { attestationEnded, type Clock, explain, LightsoutError, type Settings, UnsupportedError, type Worker } from "#events";

/** Whether the word counts now: a look at the machine ends it where anything shows life. */
export async function lookAtAttested(machine: string, { power, settings, clock }: { power: Powers; settings: Settings; clock: Clock }) {
  const read = await power
    .of(machine)
    .state(AbortSignal.timeout(10_000))
    .then(
      ({ raw }) => raw,
      (error: unknown) => (error instanceof UnsupportedError ? "no BMC" : explain(error)),
    );
  return { counts: (await settings.attestation(machine, clock.now())) !== undefined, power: read };
}

/** Power in which a named person's word counts where a BMC is silent, until kubelet or Talos answer. */
export function withAttestations(options: {
  powers: Powers;
  os: Os;
  settings: Settings;
  clock: Clock;
  site: string;
  accept: Worker["accept"];
}): Powers {
  const { accept, clock, os, powers, settings, site } = options;
  return attestedPowers({
    powers,
    attestation: (machine) => settings.attestation(machine, clock.now()),
    async life(machine, signal) {
      const signs = await os.signsOfLife(machine, signal);
      if (signs.length === 0) {
        throw new LightsoutError("LO_NOBODY_ASKED", `${machine}: no address of it is known, so nothing on it can be asked`, {
          hint: "Give it an address in lightsout.yaml",
        });
      }
      const sign = signs.find(({ answered }) => answered);
      return sign && `${sign.service}: ${sign.seen}`;
    },
    async end(machine, reason) {
      const source = `lightsout/${site}/power`;
      await accept({ type: attestationEnded.type, data: { machine, reason }, origin: "operator", source, actor: "lightsout" });
    },
  });
}
