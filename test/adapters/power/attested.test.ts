import { expect, test } from "vitest";
import { attestedPowers } from "#adapters/power/attested.ts";
import type { Powers } from "#adapters/power/port.ts";
import { type Attestation, createMemoryStore, DeviceError, UnsupportedError } from "#events";
import { createSettings } from "#events/settings.ts";
import { createFakeTime, createFakeWorld } from "#functions/testing/mod.ts";

const word: Attestation = {
  by: "alice",
  reason: "its cord is pulled",
  since: "2026-01-01T00:00:00.000Z",
  until: "2026-01-01T04:00:00.000Z",
};

/** A machine in a fake world, and a person's word about it. */
function scene(options: { bmc?: boolean; silent?: boolean } = {}) {
  const clock = createFakeTime().clock();
  const world = createFakeWorld(clock, { machines: ["gpu-01"] });
  const machine = world.machine("gpu-01");
  const ended: string[] = [];
  const asked = { nobody: false };
  let given: Attestation | undefined = options.silent ? undefined : word;
  const bare: Powers = {
    of(name) {
      if (options.bmc === false) throw new UnsupportedError(name, "power", "it has no BMC in the inventory");
      return world.ports.power.of(name);
    },
  };
  const powers = attestedPowers({
    powers: bare,
    attestation: async () => given,
    async life(name) {
      if (asked.nobody) throw new DeviceError("LO_TALOS_UNREACHABLE", { target: name, operation: "ask", effect: "none" }, "no address");
      return (await world.ports.os.signsOfLife(name)).find((sign) => sign.answered)?.seen;
    },
    async end(_, why) {
      given = undefined;
      ended.push(why);
    },
  });
  return { machine, power: powers.of("gpu-01"), ended, asked };
}

test("while the BMC is silent and nothing on the machine answers, a person's word counts as off", async () => {
  const { machine, power } = scene();
  machine.bmc.silent = true;
  machine.press("off");
  expect(await power.state()).toEqual({ state: "off", raw: `off, attested by alice until ${word.until}: its cord is pulled` });
  expect((await power.activity()).booting).toBe(false);
});

test("a machine without a BMC reads off by the word alone, and cannot be switched by it", async () => {
  const { machine, power } = scene({ bmc: false });
  machine.press("off");
  expect((await power.state()).state).toBe("off");
  await expect(power.identity()).rejects.toThrow("no BMC");
  expect((await power.capabilities()).has("prove-off")).toBe(false);
});

test("a BMC that answers is believed before a person, and On ends the word", async () => {
  const { power, ended } = scene();
  expect(await power.state()).toEqual({ state: "on", raw: "On" });
  expect(ended).toEqual(["its BMC reads On"]);
});

test("any sign of life ends the word, and the BMC's silence stands", async () => {
  const { machine, power, ended } = scene();
  machine.bmc.silent = true;
  await expect(power.state()).rejects.toThrow("no answer");
  expect(ended).toEqual(["it shows life: TLS, CN=gpu-01"]);
  machine.press("off");
  await expect(power.state()).rejects.toThrow("no answer");
});

test("where nobody could be asked whether it lives, the word does not count", async () => {
  const { machine, power, asked, ended } = scene();
  machine.bmc.silent = true;
  asked.nobody = true;
  await expect(power.state()).rejects.toThrow("no address");
  expect(ended).toEqual([]);
});

test("without a word a silent BMC says nothing", async () => {
  const { machine, power } = scene({ silent: true });
  machine.bmc.silent = true;
  await expect(power.state()).rejects.toThrow("no answer");
});

test("a word ends when its time is over", async () => {
  const settings = createSettings(createMemoryStore({ clock: createFakeTime().clock() }));
  await settings.setAttestation("gpu-01", word);
  expect(await settings.attestation("gpu-01", Date.parse(word.until) - 1)).toEqual(word);
  expect(await settings.attestation("gpu-01", Date.parse(word.until))).toBeUndefined();
  await settings.setAttestation("gpu-01", undefined);
  expect(await settings.attestation("gpu-01", 0)).toBeUndefined();
});
