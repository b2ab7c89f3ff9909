import type { Os } from "#adapters/os/port.ts";
import { attestedPowers } from "#adapters/power/attested.ts";
import type { Powers } from "#adapters/power/port.ts";
import { attestationEnded, LightsoutError, type Worker } from "#events";

/**
 * Power in which a named person's word counts where a BMC is silent, until kubelet or Talos answer.
 *
 * @param options.worker asked when power is, which is never before it was made
 */
export function withAttestations(options: { powers: Powers; os: Os; worker: () => Worker }): Powers {
  const { os, powers, worker } = options;
  return attestedPowers({
    powers,
    attestation(machine) {
      const { clock, settings } = worker().office;
      return settings.attestation(machine, clock.now());
    },
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
      const { accept, office } = worker();
      const source = `lightsout/${office.site}/power`;
      await accept({ type: attestationEnded.type, data: { machine, reason }, origin: "operator", source, actor: "lightsout" });
    },
  });
}
