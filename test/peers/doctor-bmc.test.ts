import { randomUUID } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createIpmiPower, createIpmiTransport, lookAtIpmi } from "#adapters/power/ipmi/mod.ts";
import { createRedfishPower, lookAtRedfish } from "#adapters/power/redfish/mod.ts";
import { doctor } from "#config/doctor/doctor.ts";
import { init } from "#config/init/init.ts";
import { systemClock } from "#events";
import { startIpmiSim } from "./ipmi-sim.ts";
import { peer } from "./peer.ts";
import { startSushyEmulator, sushyEmulator } from "./sushy-emulator.ts";

const ipmiSim = peer("ipmi_sim", "openipmi");

async function startSim() {
  const sim = await startIpmiSim(ipmiSim ?? "");
  const transport = createIpmiTransport({ clock: systemClock });
  onTestFinished(async () => {
    await transport.close();
    await sim.stop();
  });
  return { sim, transport };
}

test.skipIf(!ipmiSim)("OpenIPMI's ipmi_sim tells what it offers before a login, and what an account may after it", async () => {
  const { sim, transport } = await startSim();
  const at = { host: "127.0.0.1", port: sim.port, transport };
  expect(await lookAtIpmi({ ...at, signal: AbortSignal.timeout(30_000) })).toMatchObject({ rmcpPlus: true, hasKg: false });
  for (const [user, password, role, may] of [
    ["admin", "secret", "administrator", "too-much"],
    ["oper", "secret2", "operator", "enough"],
  ] as const) {
    const power = createIpmiPower({ machine: "m1", ...at, user, password, expect: {}, clock: systemClock });
    expect(await power.about()).toEqual({ account: { role, may }, cipherSuite: 3, macs: [] });
    await power.close();
  }
});

test.skipIf(!ipmiSim)("what init writes of ipmi_sim, the doctor passes", async () => {
  const { sim } = await startSim();
  const folder = mkdtempSync(join(tmpdir(), "lightsout-init-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const out = join(folder, "lightsout.yaml");
  const env = { BMC_PASSWORD: "secret2" };
  const asked = { addresses: ["127.0.0.1"], port: sim.port, kind: "ipmi", user: "oper", out, add: false, legacy: false } as const;
  await init({ ...asked, terminal: undefined, say: () => undefined }, env);
  const failures = (await doctor({ config: out, env, listen: "127.0.0.1:0" })).filter(({ result }) => result === "failure");
  expect(failures, readFileSync(out, "utf8")).toEqual([]);
});

test.skipIf(!sushyEmulator)("sushy-tools' Redfish emulator says what it is; of accounts it says nothing", async () => {
  const emulator = await startSushyEmulator([{ uuid: randomUUID(), power: "on" }]);
  onTestFinished(() => emulator.stop());
  const address = `127.0.0.1:${emulator.port}`;
  const signal = AbortSignal.timeout(30_000);
  expect(await lookAtRedfish({ target: "m1", address, tls: { plain: true }, signal })).toMatchObject({
    version: expect.stringMatching(/^\d/),
  });
  const power = createRedfishPower({
    machine: "m1",
    address,
    user: "admin",
    password: "secret",
    tls: { plain: true },
    expect: {},
    clock: systemClock,
  });
  onTestFinished(() => power.close());
  const about = await power.about(signal);
  expect(about.account).toBeUndefined();
  expect(about.macs.every((mac) => /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/.test(mac))).toBe(true);
});
