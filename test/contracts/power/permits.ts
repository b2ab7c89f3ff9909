import { describe, expect, it } from "vitest";
import type { Power } from "#adapters/power/port.ts";
import { type ActVerb, effectOf, GateClosedError, type Permit } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import { codeOf, failure, type MakeRig, use } from "./rig.ts";

const nowhere = { uuid: "7d0e1a52-93c4-4b1f-8a6e-0c2f5d917b34", serial: "SN-OF-ANOTHER" };

/** What a power protocol promises of whom it obeys and on which machine. */
export function permitted(make: MakeRig): void {
  describe("permits", () => {
    const acts: [string, ActVerb, (power: Power, permit: Permit) => Promise<unknown>][] = [
      ["on", "power-on", (power, permit) => power.on(permit)],
      ["hard off", "force-off", (power, permit) => power.off(permit, "hard")],
      ["graceful off", "power-off", (power, permit) => power.off(permit, "graceful")],
      ["reset", "reset", (power, permit) => power.reset(permit)],
      ["boot once", "boot-once", (power, permit) => power.bootOnce(permit, "pxe")],
      ["controller reset", "reset-controller", (power, permit) => power.resetController(permit)],
    ];
    it.each(acts)("%s refuses a permit that nobody minted, another machine's and another verb's", async (_, verb, act) => {
      const { power, permit, pressed } = await use(make);
      const mine = permit(verb);
      for (const wrong of [{ ...mine }, mintPermit({ ...mine, machine: "another" }), mintPermit({ ...mine, verb: "cordon" })]) {
        expect(codeOf(await failure(act(power, wrong)))).toBe("LO_PERMIT");
      }
      expect(pressed()).toEqual([]);
    });

    it("a graceful off's permit does not cut the power, nor the other way round", async () => {
      const { power, permit, pressed } = await use(make);
      expect(codeOf(await failure(power.off(permit("power-off"), "hard")))).toBe("LO_PERMIT");
      expect(codeOf(await failure(power.off(permit("force-off"), "graceful")))).toBe("LO_PERMIT");
      expect(pressed()).toEqual([]);
    });

    it("works once", async () => {
      const { power, permit } = await use(make);
      const once = permit("power-on");
      await power.on(once);
      expect(codeOf(await failure(power.on(once)))).toBe("LO_PERMIT");
    });

    it("passes the gate before the write", async () => {
      const { power, permit, pressed } = await use(make);
      const atGate: string[][] = [];
      await power.off(mintPermit({ ...permit("force-off"), gate: () => void atGate.push(pressed()) }), "hard");
      expect(atGate[0]).toEqual([]);
      expect(pressed()).toEqual(["force-off"]);
    });

    it("writes nothing when the gate is closed", async () => {
      const { power, permit, pressed } = await use(make, "off");
      const gate = () => {
        throw new GateClosedError(power.machine, "power-on", "too late");
      };
      const error = await failure(power.on(mintPermit({ ...permit("power-on"), gate })));
      expect(error).toBeInstanceOf(GateClosedError);
      expect(effectOf(error)).toBe("none");
      expect(pressed()).toEqual([]);
    });

    it("sends nothing once the act's time is over", async () => {
      const { power, permit, pressed } = await use(make);
      const over = mintPermit({ ...permit("force-off"), signal: AbortSignal.abort() });
      expect(effectOf(await failure(power.off(over, "hard")))).toBe("none");
      expect(pressed()).toEqual([]);
    });
  });

  describe("identity", () => {
    it("reports the machine's uuid, and its serial where the BMC tells one", async () => {
      const { power, identity } = await use(make);
      const { uuids, serial } = await power.identity();
      expect(uuids).toContain(identity.uuid.toLowerCase());
      expect(uuids).toEqual(uuids.map((uuid) => uuid.toLowerCase()));
      expect(serial).toBe(identity.serial);
    });

    it.each(["uuid", "serial"] as const)(
      "refuses to act on a machine with another %s than expected, and nothing is sent",
      async (which) => {
        const { expecting, permit, identity, pressed } = await use(make);
        const other = expecting({ ...identity, [which]: nowhere[which] });
        // A BMC that tells no serial contradicts none.
        if (identity[which] === undefined) return;
        const error = await failure(other.off(permit("force-off"), "hard"));
        expect(codeOf(error)).toBe("LO_BMC_IDENTITY");
        expect(effectOf(error)).toBe("none");
        expect(pressed()).toEqual([]);
      },
    );
  });
}
