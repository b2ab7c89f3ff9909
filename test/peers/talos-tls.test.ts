import { spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTalos } from "#adapters/os/talos/mod.ts";
import { systemClock } from "#events";
import { createTalosAuthority } from "#test/lab/talos-cert.ts";
import { peer } from "#test/peers/peer.ts";
import { freePort } from "./free-port.ts";

const openssl = peer("openssl") ?? "";

describe.skipIf(openssl === "")("a TLS server that refuses our certificate as Talos does", () => {
  test.each(["-tls1_3", "-tls1_2"])("by an alert over %s, after the handshake or in it, is said to be so", async (version) => {
    const ours = createTalosAuthority();
    const theirs = createTalosAuthority();
    const folder = await mkdtemp(join(tmpdir(), "lightsout-tls-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const { cert, key } = ours.server("m1");
    for (const [name, text] of Object.entries({ ca: theirs.ca, cert, key })) await writeFile(join(folder, name), text);
    const port = await freePort();
    const files = ["-cert", join(folder, "cert"), "-key", join(folder, "key"), "-CAfile", join(folder, "ca")];
    const server = spawn(openssl, [
      "s_server",
      "-accept",
      `127.0.0.1:${port}`,
      ...files,
      "-Verify",
      "2",
      "-verify_return_error",
      "-alpn",
      "h2",
      version,
    ]);
    onTestFinished(() => void server.kill());
    await new Promise<void>((ready) => server.stdout.on("data", (data) => String(data).includes("ACCEPT") && ready()));

    const talos = createTalos({
      talosconfig: { text: ours.talosconfig(["os:admin"]) },
      addressOf: () => ({ host: "127.0.0.1", port }),
      clock: systemClock,
    });
    onTestFinished(() => talos.close());
    await expect(talos.of("m1").version()).rejects.toMatchObject({
      code: "LO_TALOS_AUTH",
      effect: "none",
      message: expect.stringContaining("the machine refused our certificate"),
    });
  });
});
