import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type IpmiSim, startIpmiSim } from "./ipmi-sim.ts";
import { bootDisk } from "./ipxe-images.ts";
import { peer } from "./peer.ts";

const ipmiSim = peer("ipmi_sim", "openipmi");
const qemu = peer("qemu-system-x86_64", "qemu-system-x86");

/** Whether such a machine can be had. */
export const qemuMachine = ipmiSim !== undefined && qemu !== undefined;

const ipxe = "/usr/lib/ipxe/ipxe.lkrn";
// Without DHCP, which takes seconds; QEMU's own network reaches this computer at 10.0.2.2.
const network = "ifopen net0 && set net0/ip 10.0.2.15 && set net0/netmask 255.255.255.0 && set net0/gateway 10.0.2.2";

/**
 * What ipmi_sim calls for its chassis. Power is a process: on starts it, off kills it, and its end, whoever brings it about, is off. A boot
 * device counts for one start. ipmi_sim waits until all that its script has started lets go of its descriptors.
 */
const chassis = (folder: string, log: string, identity: { uuid: string; serial: string }, script: string) => `#!/bin/bash
cd ${folder}; shift
op=$1; shift
alive() { [ -s pid ]; }
start() {
  alive && return
  boot=$(cat boot 2>/dev/null); rm -f boot
  net=(); [ "$boot" = pxe ] && net=(-kernel ${ipxe} -append '${network} && chain ${script}')
  [ -p monitor.in ] || mkfifo monitor.in monitor.out
  (
    for fd in /proc/self/fd/*; do fd=\${fd##*/}; [ $fd -gt 2 ] && eval "exec $fd>&-"; done 2>/dev/null
    ${qemu} -machine pc,graphics=off,accel=tcg -m 64 -nodefaults -display none -boot menu=off \\
      -chardev file,id=serial,path=serial,append=on -serial chardev:serial -chardev pipe,id=monitor,path=monitor -mon monitor \\
      -uuid ${identity.uuid} -smbios type=1,manufacturer=ACME,product=Box1,serial=${identity.serial} \\
      -netdev user,id=n0 -device virtio-net-pci,netdev=n0,romfile= \\
      -drive file=disk.img,format=raw,if=none,id=d0,snapshot=on -device ide-hd,drive=d0,bootindex=1 "\${net[@]}" &
    echo $! > pid; wait $!; rm -f pid
  ) </dev/null >qemu.log 2>&1 &
  until alive; do sleep 0.01; done
}
stop() { alive && kill -KILL $(cat pid); while alive; do sleep 0.01; done; }
monitor() { exec 3<>monitor.in; echo $1 >&3; }
case $op in
get) for p in "$@"; do case $p in
   power) alive && v=1 || v=0;; boot) v=$(cat boot 2>/dev/null || echo default);; *) exit 1;; esac; echo "$p:$v"; done;;
set) while [ $# -gt 0 ]; do p=$1; v=$2; shift 2; echo "$p $v" >> ${log}/log; case $p in
   power) [ $v = 1 ] && start || stop;;
   boot) echo $v > boot;;
   reset) alive || exit 1; if [ -e boot ]; then stop; start; else monitor system_reset; fi;;
   shutdown) alive && monitor system_powerdown;; esac; done;;
*) exit 1;;
esac
exit 0
`;

/** A virtual machine behind OpenIPMI's BMC simulator; off at first. It boots a disk that says so on its serial line. */
export interface QemuMachine extends IpmiSim {
  /** The process that the machine is, while it is on. */
  pid(): number | undefined;
  /** How often the disk has said on the serial line that it was booted. */
  boots(): number;
}

/** @param script the URL of what iPXE chains to when it boots from the network, with iPXE's variables in it */
export async function startQemuMachine(options: { port?: number; uuid: string; serial: string; script: string }): Promise<QemuMachine> {
  const { uuid, serial, script, port } = options;
  const folder = mkdtempSync(join(tmpdir(), "qemu-machine-"));
  const file = (name: string) => join(folder, name);
  writeFileSync(file("disk.img"), bootDisk());
  writeFileSync(file("serial"), "");
  const sim = await startIpmiSim(ipmiSim ?? "", {
    uuid,
    serial,
    ...(port === undefined ? {} : { port }),
    chassis: (log) => chassis(folder, log, { uuid, serial }, script),
  });
  const pid = () => {
    try {
      return Number(readFileSync(file("pid"), "utf8")) || undefined;
    } catch {
      return undefined;
    }
  };
  return {
    ...sim,
    pid,
    boots: () => readFileSync(file("serial"), "latin1").split("LOCAL-DISK-BOOT").length - 1,
    async stop() {
      await sim.stop();
      const last = pid();
      if (last !== undefined) process.kill(last, "SIGKILL");
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
