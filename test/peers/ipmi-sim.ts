import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "#events";
import { createHost, type HostAction } from "#test/lab/host.ts";
import { fruBytes } from "#test/lab/ipmi-bmc-fru.ts";
import { answering, freePort, freeze, type IpmiPeer } from "./ipmi-rig.ts";

/** What the GUID of the simulated BMC may mean, the likeliest first. */
export const uuids = [
  "a1234567-89ab-cdef-a123-456789abcdef",
  "674523a1-ab89-efcd-a123-456789abcdef",
  "efcdab89-6745-23a1-efcd-ab89674523a1",
];

/** What the machine is asked for, in the simulator's words. */
const words: Readonly<Record<string, HostAction>> = {
  "power 0": "force-off",
  "power 1": "on",
  "reset 1": "reset",
  "shutdown 1": "graceful-off",
};

const lanConf = (folder: string, port: number, uuid: string, kg: string) => `name "bmc1"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${port}
    priv_limit admin
    allowed_auths_callback none md2 md5 straight
    allowed_auths_user none md2 md5 straight
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid ${uuid.replaceAll("-", "")}
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

const fileMachine = (folder: string) => `#!/bin/sh
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

/** OpenIPMI's BMC simulator, its machine a script that keeps a file. */
export interface IpmiSim extends IpmiPeer {
  /** Puts the machine into this state, behind the BMC's back, and forgets what was asked before. */
  set(power: "on" | "off"): void;
  /** What the BMC asked of the machine, as `name value`, oldest first. */
  log(): string[];
}

/**
 * Starts `program` in a new folder and waits until it answers.
 *
 * @param options.kg its second key, where it shall have one
 * @param options.chassis its machine, as a shell script; default one that keeps a file
 */
export async function startIpmiSim(
  program: string,
  options: { kg?: string; port?: number; uuid?: string; serial?: string; chassis?: (folder: string) => string } = {},
): Promise<IpmiSim> {
  const { kg = "", uuid = uuids[0] ?? "", serial = "SN-m1", chassis = fileMachine } = options;
  const folder = mkdtempSync(join(tmpdir(), "ipmi-sim-"));
  const file = (name: string) => join(folder, name);
  const port = options.port ?? (await freePort());
  mkdirSync(file("state"));
  writeFileSync(file("lan.conf"), lanConf(folder, port, uuid, kg));
  writeFileSync(file("sim.emu"), emulator(folder));
  writeFileSync(file("chassis.sh"), chassis(folder), { mode: 0o755 });
  const fru = Buffer.alloc(256);
  fruBytes(createHost({ name: "m1", clock: systemClock, identity: { serial } })).copy(fru);
  writeFileSync(file("fru0.bin"), fru);
  const child = spawn(program, ["-n", "-c", file("lan.conf"), "-f", file("sim.emu"), "-s", file("state")], { stdio: "ignore" });
  const gone = once(child, "exit");
  const sim: IpmiSim = {
    port,
    set(power) {
      writeFileSync(file("power"), power === "on" ? "1" : "0");
      writeFileSync(file("boot"), "default");
      writeFileSync(file("log"), "");
    },
    log: () =>
      readFileSync(file("log"), "utf8")
        .split("\n")
        .filter((line) => line !== ""),
    pressed: () => sim.log().flatMap((line) => words[line] ?? []),
    silence: () => freeze(child),
    async stop() {
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  sim.set("on");
  await answering(port, gone);
  return sim;
}
