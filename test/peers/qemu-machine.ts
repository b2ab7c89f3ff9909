import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { vi } from "vitest";
import { freePort } from "./free-port.ts";
import { bootDisk } from "./ipxe-images.ts";

const uuid = "a1234567-89ab-cdef-a123-456789abcdef";

// The BMC starts the machine itself, and asks it to go off or to reset over the interface that it has to its BMC.
const lanConf = (folder: string, lan: number, machine: number) => `name "vmc"
set_working_mc 0x20
  startlan 1
    addr 127.0.0.1 ${lan}
    priv_limit admin
    allowed_auths_operator none md2 md5 straight
    allowed_auths_admin none md2 md5 straight
    guid ${uuid.replaceAll("-", "")}
  endlan
  serial 15 127.0.0.1 ${machine} codec VM
  startcmd "${folder}/machine.sh"
  startnow false
  poweroff_wait 3
  kill_wait 2
  user 2 true "admin" "secret" admin 10 none md2 md5 straight
`;

const emulator = `mc_setbmc 0x20
mc_add 0x20 0 has-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`;

const machineScript = (folder: string, qemu: string, port: number) => `#!/bin/sh
echo $$ > ${folder}/pid
exec ${qemu} -machine pc,graphics=off,accel=tcg -m 64 -nodefaults -display none -uuid ${uuid} \\
  -chardev file,id=serial,path=${folder}/serial,append=on -serial chardev:serial \\
  -chardev socket,id=bmc,host=127.0.0.1,port=${port},reconnect=1 -device ipmi-bmc-extern,id=ipmi,chardev=bmc -device isa-ipmi-kcs,bmc=ipmi \\
  -drive file=${folder}/disk.img,format=raw,if=none,id=disk,snapshot=on -device ide-hd,drive=disk </dev/null >${folder}/qemu.log 2>&1
`;

/** A machine in QEMU behind OpenIPMI's ipmi_sim, off at first. */
export interface QemuMachine {
  readonly port: number;
  readonly uuid: string;
  /** Its process, which is its power: `undefined` while none runs. */
  pid(): number | undefined;
  /** How often it has booted from its disk so far, by what it printed on its serial line. */
  boots(): number;
  stop(): Promise<void>;
}

/** Starts both programs' files in a new folder, and the BMC. */
export async function startQemuMachine(ipmiSim: string, qemu: string): Promise<QemuMachine> {
  const folder = mkdtempSync(join(tmpdir(), "qemu-machine-"));
  const file = (name: string) => join(folder, name);
  // A TCP port that nobody has is taken for UDP too.
  const [lan, machine] = [await freePort(), await freePort()];
  mkdirSync(file("state"));
  writeFileSync(file("lan.conf"), lanConf(folder, lan, machine));
  writeFileSync(file("sim.emu"), emulator);
  writeFileSync(file("machine.sh"), machineScript(folder, qemu, machine), { mode: 0o755 });
  writeFileSync(file("disk.img"), bootDisk());
  const read = (name: string) => (existsSync(file(name)) ? readFileSync(file(name), "latin1") : "");
  const pid = () => {
    const known = Number(read("pid"));
    return known > 0 && runs(known) ? known : undefined;
  };
  const sim = spawn(ipmiSim, ["-n", "-c", file("lan.conf"), "-f", file("sim.emu"), "-s", file("state")], { stdio: "ignore" });
  const gone = once(sim, "exit");
  return {
    port: lan,
    uuid,
    pid,
    boots: () => read("serial").split("LOCAL-DISK-BOOT").length - 1,
    async stop() {
      sim.kill("SIGKILL");
      await gone;
      const left = pid();
      if (left !== undefined) process.kill(left, "SIGKILL");
      await vi.waitFor(() => pid() === undefined || Promise.reject(new Error(`QEMU ${left} does not end`)), { timeout: 30_000 });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A process that has ended and that nobody has asked about yet does not run. */
function runs(pid: number): boolean {
  try {
    return !/^State:\tZ/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}
