import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createIpmiPower, createIpmiTransport, type IpmiPowerOptions, type IpmiTransport } from "#adapters/power/ipmi/mod.ts";
import type { Power } from "#adapters/power/port.ts";
import { type DeviceError, systemClock, UnsupportedError } from "#events";
import { permitFor } from "#test/adapters/power/ipmi/rig.ts";
import { createHost } from "#test/lab/host.ts";
import { fruBytes } from "#test/lab/ipmi-bmc-fru.ts";
import { peer } from "#test/peers/peer.ts";

const ipmiSim = peer("ipmi_sim", "openipmi");
const guid = "a123456789abcdefa123456789abcdef";
const uuids = ["a1234567-89ab-cdef-a123-456789abcdef", "674523a1-ab89-efcd-a123-456789abcdef", "efcdab89-6745-23a1-efcd-ab89674523a1"];

const lanConf = (folder: string, port: number, kg: string) => `name "bmc1"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid ${guid}
    ${kg && `bmc_key "${kg}"`}
  endlan
  chassis_control "${folder}/chassis.sh bmc1"
  user 1 true  ""        "anon"    user     10 none md2 md5 straight
  user 2 true  "admin"   "secret"  admin    10 none md2 md5 straight
  user 3 true  "oper"    "secret2" operator 10 none md2 md5 straight
`;

const emulator = (folder: string) => `mc_setbmc 0x20
mc_add 0x20 0 has-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_add_fru_data 0x20 0 256 file 0 "${folder}/fru0.bin"
sel_add 0x20 0x02 00 00 00 00 0x41 0x00 0x04 0x09 0x01 0x6f 0x04 0xff 0xff
sel_add 0x20 0x02 00 00 00 00 0x41 0x00 0x04 0x09 0x01 0xef 0x04 0xff 0xff
sel_add 0x20 0x02 00 00 00 00 0x41 0x00 0x04 0x12 0x83 0x6f 0x01 0xff 0xff
mc_enable 0x20
`;

const chassis = (folder: string) => `#!/bin/sh
op=$2; shift 2
case $op in
get) for p in "$@"; do case $p in
   power) v=$(cat ${folder}/power);; boot) v=$(cat ${folder}/boot);; *) exit 1;; esac; echo "$p:$v"; done;;
set) while [ $# -gt 0 ]; do p=$1; v=$2; shift 2; echo "$p $v" >> ${folder}/log; case $p in
   power) echo $v > ${folder}/power;; boot) echo $v > ${folder}/boot;; shutdown) echo 0 > ${folder}/power;; esac; done;;
*) exit 1;;
esac
exit 0
`;

async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

async function start(kg = "") {
  const folder = await mkdtemp(join(tmpdir(), "ipmi-sim-"));
  const port = await freePort();
  await mkdir(join(folder, "state"));
  await writeFile(join(folder, "lan.conf"), lanConf(folder, port, kg));
  await writeFile(join(folder, "sim.emu"), emulator(folder));
  await writeFile(join(folder, "chassis.sh"), chassis(folder));
  await chmod(join(folder, "chassis.sh"), 0o755);
  const fru = Buffer.alloc(256);
  fruBytes(createHost({ name: "m1", clock: systemClock })).copy(fru);
  await writeFile(join(folder, "fru0.bin"), fru);
  const args = ["-n", "-c", join(folder, "lan.conf"), "-f", join(folder, "sim.emu"), "-s", join(folder, "state")];
  const child: ChildProcess = spawn(ipmiSim ?? "", args, { stdio: "ignore" });
  return {
    port,
    set: async (power: "0" | "1") => {
      await writeFile(join(folder, "power"), power);
      await writeFile(join(folder, "boot"), "default");
      await writeFile(join(folder, "log"), "");
    },
    log: async () => (await readFile(join(folder, "log"), "utf8")).split("\n").filter((line) => line !== ""),
    async stop() {
      const gone = once(child, "exit");
      child.kill("SIGTERM");
      await gone;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

describe.skipIf(!ipmiSim)("our client drives OpenIPMI's ipmi_sim", () => {
  let sim: Awaited<ReturnType<typeof start>>;
  let simWithKg: Awaited<ReturnType<typeof start>>;
  let transport: IpmiTransport;
  let power: Power;
  const opened: Power[] = [];

  const client = (options: Partial<IpmiPowerOptions> = {}): Power => {
    const made = createIpmiPower({
      machine: "m1",
      host: "127.0.0.1",
      port: sim.port,
      user: "admin",
      password: "secret",
      expect: { uuid: uuids[0] ?? "", serial: "SN-m1" },
      clock: systemClock,
      transport,
      // The simulator needs a moment to come up.
      timeouts: { packetMs: 500, setupTries: 6, onceMs: 3000 },
      ...options,
    });
    opened.push(made);
    return made;
  };
  const code = async (work: Promise<unknown>) =>
    (
      (await work.then(
        () => undefined,
        (error: unknown) => error,
      )) as DeviceError | undefined
    )?.code;

  beforeAll(async () => {
    transport = createIpmiTransport({ clock: systemClock });
    sim = await start();
    simWithKg = await start("abcdefghijklmnop");
  });
  beforeEach(async () => {
    await sim.set("1");
    await simWithKg.set("1");
    power = client();
  });
  afterEach(() => Promise.all(opened.splice(0).map((one) => one.close())));
  afterAll(async () => {
    await transport.close();
    await sim.stop();
    await simWithKg.stop();
  });

  it("reads on and off", async () => {
    expect((await power.state()).state).toBe("on");
    await sim.set("0");
    expect((await power.state()).state).toBe("off");
  });

  it("turns off, on, resets and stops softly, each once", async () => {
    await power.off(permitFor("m1", "force-off"), "hard");
    expect((await power.state()).state).toBe("off");
    expect((await power.off(permitFor("m1", "force-off"), "hard")).did).toBe("already");
    await power.on(permitFor("m1", "power-on"));
    expect((await power.state()).state).toBe("on");
    expect((await power.on(permitFor("m1", "power-on"))).did).toBe("already");
    await power.reset(permitFor("m1", "reset"));
    await power.off(permitFor("m1", "power-off"), "graceful");
    expect((await power.state()).state).toBe("off");
    expect(await sim.log()).toEqual(["power 0", "power 1", "reset 1", "shutdown 1"]);
  });

  it("sets the boot device, and says which bits this BMC loses", async () => {
    const receipt = await power.bootOnce(permitFor("m1", "boot-once"), "pxe");
    expect(receipt.answer).toContain("valid bit not kept");
    expect(receipt.answer).toContain("EFI bit not kept");
    expect(await sim.log()).toEqual(["boot pxe"]);
    // Without the valid bit nothing is in force, as far as a reader can know.
    expect(await power.bootOverride()).toMatchObject({ target: "none", once: false, raw: "0004000000" });
  });

  it("reads identity in every byte order, and firmware", async () => {
    const identity = await power.identity();
    expect(identity.uuids.toSorted()).toEqual(uuids.toSorted());
    expect(identity).toMatchObject({ serial: "SN-m1", manufacturer: "ACME", model: "Box1", firmware: "9.08" });
  });

  it.each(uuids)("takes %s for this machine's uuid", async (uuid) => {
    expect((await client({ expect: { uuid } }).off(permitFor("m1", "force-off"), "hard")).did).toBe("sent");
  });

  it("refuses to act for another uuid or serial", async () => {
    const another = client({ expect: { uuid: "7d0e1a52-93c4-4b1f-8a6e-0c2f5d917b34" } });
    expect(await code(another.off(permitFor("m1", "force-off"), "hard"))).toBe("LO_BMC_IDENTITY");
    expect(await code(client({ expect: { serial: "SN-m2" } }).off(permitFor("m1", "force-off"), "hard"))).toBe("LO_BMC_IDENTITY");
    expect(await sim.log()).toEqual([]);
  });

  it("reads the event log", async () => {
    const entries = await power.eventLog();
    expect(entries.slice(0, 2).map(({ power: said }) => said)).toEqual(["ac-lost", "ac-restored"]);
    expect(await power.eventLog({ limit: 1 })).toEqual(entries.slice(-1));
  });

  it("has an event log and no DCMI", async () => {
    const can = await power.capabilities();
    expect(can.has("event-log")).toBe(true);
    expect(can.has("power-reading")).toBe(false);
    await expect(power.powerReading()).rejects.toThrow(UnsupportedError);
  });

  it("identifies, and is not confused by the garbage behind that answer", async () => {
    await power.identify(7);
    expect((await sim.log())[0]).toMatch(/^identify 7/);
    expect((await power.activity()).firmwareUpdate).toBe(false);
  });

  it("says that this BMC cannot be reset", async () => {
    expect(await code(power.resetController(permitFor("m1", "reset-controller")))).toBe("LO_BMC_REFUSED");
  });

  it("works as an operator", async () => {
    const oper = client({ user: "oper", password: "secret2" });
    expect((await oper.off(permitFor("m1", "force-off"), "hard")).did).toBe("sent");
  });

  it.each([
    ["password", { password: "wrong" }, /password is wrong/],
    ["user", { user: "nobody" }, /does not know the user/],
  ])("stops after one wrong %s", async (_, wrong, message) => {
    const stranger = client(wrong);
    await expect(stranger.state()).rejects.toThrow(message);
    expect(await code(stranger.state())).toBe("LO_BMC_LOCKED");
  });

  it("says what is in common when only suite 17 is allowed", async () => {
    await expect(client({ cipherSuite: 17 }).state()).rejects.toThrow(/no cipher suite in common.*status 04/);
  });

  it("uses K_g, and names it when it is wrong or missing", async () => {
    const at = { port: simWithKg.port };
    expect((await client({ ...at, kg: "abcdefghijklmnop" }).state()).state).toBe("on");
    await expect(client({ ...at, kg: "ponmlkjihgfedcba" }).state()).rejects.toThrow(/password is right and K_g is wrong/);
    await expect(client(at).state()).rejects.toThrow(/has a K_g and none is configured/);
  });

  it("opens and closes more sessions than the BMC has slots", async () => {
    for (let round = 0; round < 70; round += 1) {
      const one = client();
      expect((await one.state()).state).toBe("on");
      await one.close();
    }
  });
});
