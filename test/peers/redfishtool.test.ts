import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { scaledClock } from "#events";
import { createHost, type Host } from "#test/lab/host.ts";
import { createRedfishBmc, type RedfishBmc } from "#test/lab/redfish-bmc.ts";
import type { PersonalityName } from "#test/lab/redfish-personalities.ts";
import { peer } from "./peer.ts";

const redfishtool = peer("redfishtool");
const fence = peer("fence_redfish", "fence-agents");
const run = promisify(execFile);

let host: Host;
let bmc: RedfishBmc;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "redfish-"));
});
afterEach(async () => {
  await bmc.close();
  rmSync(folder, { recursive: true });
});

async function start(personality: PersonalityName) {
  const clock = scaledClock(20);
  host = createHost({ name: "w1", clock, bootMs: 2000, offMs: 1000, shutdownMs: 2000 });
  bmc = await createRedfishBmc({ host, clock, personality, user: "root", password: "secret" });
  writeFileSync(join(folder, "ca.pem"), bmc.ca());
}

/** Runs a peer that trusts the lab's CA and gives what it printed; rejects with its exit code. */
const ask = (program: string | undefined, ...args: string[]) =>
  run(program ?? "", args, { env: { ...process.env, REQUESTS_CA_BUNDLE: join(folder, "ca.pem") } }).then(({ stdout }) => stdout);

describe.skipIf(!redfishtool)("our BMC, driven by DMTF's redfishtool", () => {
  const tool = (auth: "Basic" | "Session", ...args: string[]) =>
    ask(redfishtool, "-r", `127.0.0.1:${bmc.port}`, "-u", "root", "-p", "secret", "-S", "Always", "-A", auth, ...args);

  test.each(["dell", "hpe", "supermicro", "lenovo", "openbmc", "ami"] as const)("%s: list, off, boot once, on", async (personality) => {
    await start(personality);
    expect(JSON.parse(await tool("Session", "Systems", "list"))).toMatchObject({ "Members@odata.count": 1 });
    expect(bmc.sessions()).toBe(0);
    expect(JSON.parse(await tool("Basic", "Systems", "-F", "-P", "PowerState"))).toEqual({ PowerState: "On" });
    await tool("Session", "Systems", "-F", "reset", "ForceOff");
    await vi.waitFor(() => expect(host.power()).toBe("off"), { timeout: 10_000 });
    // It sends an ETag back as it got it, which MegaRAC refuses where it is weak.
    if (personality !== "ami") {
      await tool("Basic", "Systems", "-F", "setBootOverride", "Once", "Pxe");
      expect(host.boot).toMatchObject({ target: "pxe", once: true });
    }
    await tool("Basic", "Systems", "-F", "reset", "On");
    expect(host.power()).toBe("on");
    expect(host.count).toEqual({ off: 1, on: 1, reset: 0 });
  });

  test("a wrong password is refused", async () => {
    await start("dell");
    const wrong = ask(redfishtool, "-r", `127.0.0.1:${bmc.port}`, "-u", "root", "-p", "x", "-S", "Always", "-A", "Basic", "Systems", "-F");
    await expect(wrong).rejects.toThrow("401");
  });
});

describe.skipIf(!fence)("our BMC, driven by fence_redfish of the fence agents", () => {
  const agent = (action: string) =>
    ask(fence, "-a", "127.0.0.1", "-u", String(bmc.port), "-l", "root", "-p", "secret", "--ssl-insecure", "-o", action);

  test.each(["dell", "hpe", "openbmc"] as const)("%s: status, off, off again, on", async (personality) => {
    await start(personality);
    expect(await agent("status")).toContain("Status: ON");
    expect(await agent("off")).toContain("Success: Powered OFF");
    expect(await agent("off")).toContain("Already OFF");
    await expect(agent("status")).rejects.toMatchObject({ code: 2 });
    expect(await agent("on")).toContain("Success: Powered ON");
    expect(host.count).toEqual({ off: 1, on: 1, reset: 0 });
  });
});
