import { execFile, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { scaledClock } from "#events";
import { createHost } from "#test/lab/host.ts";
import { createRedfishBmc } from "#test/lab/redfish-bmc.ts";
import { peer } from "./peer.ts";

// A library, not a program: Debian's own Python has it, another one on PATH has not.
const python = "/usr/bin/python3";
const installed = spawnSync(python, ["-c", "import sushy"]).status === 0 || peer("sushy", "python3-sushy") !== undefined;

const script = `
import json, sys, sushy
address, ca, auth = sys.argv[1:]
auth = {"basic": sushy.auth.BasicAuth, "session": sushy.auth.SessionAuth}[auth]("root", "secret")
root = sushy.Sushy("https://" + address + "/redfish/v1", auth=auth, verify=ca)
system = root.get_system_collection().get_members()[0]
before = system.power_state.value
system.set_system_boot_options(sushy.BOOT_SOURCE_TARGET_PXE, enabled=sushy.BOOT_SOURCE_ENABLED_ONCE)
system.refresh(force=True)
system.reset_system(sushy.RESET_FORCE_OFF)
print(json.dumps([before, system.uuid, system.boot["target"].value, root.get_manager_collection().get_members()[0].firmware_version]))
`;

describe.skipIf(!installed)("our BMC, driven by OpenStack's sushy", () => {
  test.each([
    ["dell", "session", "6.10.80.00"],
    ["hpe", "session", "iLO 5 v2.78"],
    ["supermicro", "basic", "01.01.10"],
    ["lenovo", "session", "AFBT58B 5.70"],
    ["openbmc", "basic", "2.18.0"],
    ["ami", "session", "12.61.21"],
  ] as const)("%s with %s: read, boot once, off", async (personality, auth, firmware) => {
    const clock = scaledClock(20);
    const host = createHost({ name: "w1", clock, offMs: 1000 });
    const bmc = await createRedfishBmc({ host, clock, personality, user: "root", password: "secret" });
    const folder = mkdtempSync(join(tmpdir(), "sushy-"));
    try {
      const ca = join(folder, "ca.pem");
      writeFileSync(ca, bmc.ca());
      const env = { ...process.env, REQUESTS_CA_BUNDLE: ca };
      const { stdout } = await promisify(execFile)(python, ["-c", script, `127.0.0.1:${bmc.port}`, ca, auth], { env });
      expect(JSON.parse(stdout)).toEqual(["On", host.identity.uuid, "Pxe", firmware]);
      // Debian's sushy leaves the mode out, and a Supermicro BMC falls back to Legacy for it: the quirk that our client avoids.
      expect(host.boot).toEqual({ target: "pxe", once: true, mode: personality === "supermicro" ? "Legacy" : "UEFI" });
      await vi.waitFor(() => expect(host.power()).toBe("off"), { timeout: 10_000 });
    } finally {
      rmSync(folder, { recursive: true });
      await bmc.close();
    }
  });
});
