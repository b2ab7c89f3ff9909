import { spawn, spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { PowerRig } from "#test/contracts/power/rig.ts";
import type { HostAction } from "#test/lab/host.ts";
import { answering, freePort, freeze, type IpmiPeer } from "./ipmi-rig.ts";
import { peer } from "./peer.ts";

// A library, not a program: Debian's own Python has it, another one on PATH has not.
const python = "/usr/bin/python3";

/** Whether it is installed. */
export const pyghmi = spawnSync(python, ["-c", "import pyghmi"]).status === 0 || peer("pyghmi", "python3-pyghmi") !== undefined;

export const login = { user: "admin", password: "secret" };

// Its `fakebmc` is a sample of what its server is given: a machine. This one says what it is asked for.
const script = `
import sys, uuid
from pyghmi.ipmi import bmc

class Machine(bmc.Bmc):
    power = sys.argv[3]
    boot = "default"
    def press(self, action, power=None):
        print(action, flush=True)
        self.power = power or self.power
    def get_power_state(self): return self.power
    def power_on(self): self.press("on", "on")
    def power_off(self): self.press("force-off", "off")
    def power_reset(self): self.press("reset")
    def power_shutdown(self): self.press("graceful-off", "off")
    def get_boot_device(self): return self.boot
    def set_boot_device(self, device): self.boot = device

Machine({"admin": "secret"}, port=int(sys.argv[1]), bmcuuid=uuid.UUID(sys.argv[2]), address="127.0.0.1").listen()
`;

/** The IPMI server of pyghmi, its machine a variable. */
export async function startPyghmi(state: "on" | "off"): Promise<IpmiPeer & { readonly identity: PowerRig["identity"] }> {
  const folder = mkdtempSync(join(tmpdir(), "pyghmi-"));
  const port = await freePort();
  const uuid = randomUUID();
  // A file, so that what it did before it answered is there when the answer is.
  const output = openSync(join(folder, "log"), "w");
  const child = spawn(python, ["-c", script, String(port), uuid, state], { stdio: ["ignore", output, "ignore"] });
  closeSync(output);
  const gone = once(child, "exit");
  await answering(port, gone);
  return {
    port,
    identity: { uuid },
    pressed: () => readFileSync(join(folder, "log"), "utf8").split("\n").filter(Boolean) as HostAction[],
    silence: () => freeze(child),
    async stop() {
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
