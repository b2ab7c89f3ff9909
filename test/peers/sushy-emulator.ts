import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { peer } from "./peer.ts";

/** Its path: a virtual environment's, where the variable names one. */
export const sushyEmulator =
  process.env.SUSHY_EMULATOR ?? peer("sushy-emulator", "PyPI: pip install sushy-tools==2.2.0, and name it in SUSHY_EMULATOR");

/** A machine of its fake driver. */
export interface FakeSystem {
  readonly uuid: string;
  readonly power: "on" | "off";
}

/** OpenStack's Redfish emulator with its fake driver: its machines are records in a file. User `admin`, password `secret`. */
export interface SushyEmulator {
  readonly port: number;
  /** What it has executed so far, in its own words, oldest first. */
  log(): string[];
  /** Stops the process where it stands: its socket stays open and nobody reads it. */
  silence(): void;
  stop(): Promise<void>;
}

// Its configuration is a Python program. A fake machine takes 1 to 11 s for everything; here always the least of it.
const configuration = (folder: string, systems: readonly FakeSystem[], tls: boolean) => `
import logging, random
logging.basicConfig(level=logging.INFO)
random.randint = lambda least, most: least
SUSHY_EMULATOR_LISTEN_IP = "127.0.0.1"
SUSHY_EMULATOR_LISTEN_PORT = 0
SUSHY_EMULATOR_FAKE_DRIVER = True
SUSHY_EMULATOR_AUTH_FILE = "${folder}/users"
SUSHY_EMULATOR_STATE_DIR = "${folder}/state"
SUSHY_EMULATOR_SSL_CERT = ${tls ? `"${folder}/cert.pem"` : "None"}
SUSHY_EMULATOR_SSL_KEY = ${tls ? `"${folder}/key.pem"` : "None"}
SUSHY_EMULATOR_FAKE_SYSTEMS = [
${systems.map(({ uuid, power }) => `  {"uuid": "${uuid}", "name": "${uuid}", "power_state": "${power === "on" ? "On" : "Off"}", "nics": []},`).join("\n")}
]
`;

/** Starts it in a new folder, on a port of the kernel's choice, over HTTPS where a certificate is given, and waits until it listens. */
export async function startSushyEmulator(
  systems: readonly FakeSystem[],
  certificate?: { readonly cert: string; readonly key: string },
): Promise<SushyEmulator> {
  const folder = mkdtempSync(join(tmpdir(), "sushy-emulator-"));
  const file = (name: string) => join(folder, name);
  writeFileSync(file("config.py"), configuration(folder, systems, certificate !== undefined));
  // "secret", by bcrypt at its lowest cost.
  writeFileSync(file("users"), "admin:$2b$04$fsGANq2Chzcemmv/Ai/7AeL/t/M4ijYl2JRonLVhcOlwz/Osckz86\n");
  writeFileSync(file("cert.pem"), certificate?.cert ?? "");
  writeFileSync(file("key.pem"), certificate?.key ?? "");
  // A file, so that what it did before it answered is there when the answer is.
  const output = openSync(file("log"), "w");
  const child = spawn(sushyEmulator ?? "", ["--config", file("config.py")], { stdio: ["ignore", output, output] });
  closeSync(output);
  const gone = once(child, "exit");
  const said = () => readFileSync(file("log"), "utf8");

  let port: string | undefined;
  while (port === undefined) {
    if (child.exitCode !== null) throw new Error(`${sushyEmulator} ended by itself: ${said()}`);
    await pause(20);
    port = /Running on https?:\/\/127\.0\.0\.1:(\d+)/.exec(said())?.[1];
  }
  return {
    port: Number(port),
    log: () => [...said().matchAll(/^INFO:sushy_tools\.emulator\.main:(.*)$/gm)].map(([, line = ""]) => line),
    silence: () => void child.kill("SIGSTOP"),
    async stop() {
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
