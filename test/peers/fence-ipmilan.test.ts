import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "#events";
import { createHost } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { peer } from "./peer.ts";

const fence = peer("fence_ipmilan", "fence-agents");
const ipmitool = peer("ipmitool");
const run = promisify(execFile);

describe.skipIf(!fence || !ipmitool)("our BMC, driven by fence_ipmilan of the fence agents", () => {
  test.each([17, 3])("cipher suite %i: status, off, off again, on, reboot, and a wrong password switches nothing", async (suite) => {
    const host = createHost({ name: "w1", clock: systemClock, bootMs: 20, offMs: 20, shutdownMs: 20 });
    const bmc = await createIpmiBmc({ host, clock: systemClock, user: "root", password: "secret" });
    onTestFinished(() => bmc.close());
    const agent = (action: string, password = "secret") => {
      const at = ["--ip=127.0.0.1", `--ipport=${bmc.port}`, "--username=root", `--password=${password}`, "--lanplus", `--cipher=${suite}`];
      return run(fence ?? "", [...at, `--action=${action}`]).then(({ stdout }) => stdout);
    };
    expect(await agent("status")).toContain("Status: ON");
    await expect(agent("off", "wrong")).rejects.toMatchObject({ code: 1 });
    expect(host.count.off).toBe(0);
    expect(await agent("off")).toContain("Success: Powered OFF");
    expect(await agent("off")).toContain("Already OFF");
    await expect(agent("status")).rejects.toMatchObject({ code: 2 });
    expect(await agent("on")).toContain("Success: Powered ON");
    expect(await agent("reboot")).toContain("Success: Rebooted");
    expect(host.count).toEqual({ off: 2, on: 2, reset: 0 });
  });
});
