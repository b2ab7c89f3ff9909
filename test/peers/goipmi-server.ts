import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { HostAction } from "#test/lab/host.ts";
import { answering, freePort, freeze, type IpmiPeer, ipmiRig } from "./ipmi-rig.ts";
import { peer } from "./peer.ts";

/** Its path: where Go put it, where the variable names that. */
export const goipmiServer =
  process.env.GOIPMI_SERVER ??
  peer("goipmi-server", "Go: go install github.com/bougou/go-ipmi/cmd/goipmi-server@v0.9.1, and name it in GOIPMI_SERVER");

/** Who its machine is: the same for every server. */
export const identity = { uuid: uuidOf("go-ipmi-e2e"), serial: "e2e" };
export const login = { user: "admin", password: "secret" };

/** The reference BMC of go-ipmi, its machine a record in its memory, off at first. It writes down every command, without its data. */
export interface GoIpmiServer extends Pick<IpmiPeer, "port" | "silence" | "stop"> {
  /** How many of this command it has carried out, by its name in the standard. */
  count(command: string): number;
}

/** Starts it with these cipher suites, as it lists them, and waits until it answers. */
export async function startGoIpmiServer(suites: string): Promise<GoIpmiServer> {
  const folder = mkdtempSync(join(tmpdir(), "goipmi-server-"));
  const log = join(folder, "log");
  const port = await freePort();
  // A file, so that what it did before it answered is there when the answer is.
  const output = openSync(log, "w");
  const child = spawn(goipmiServer ?? "", [], {
    env: {
      GOIPMI_SERVER_PORT: String(port),
      GOIPMI_SERVER_USER: login.user,
      GOIPMI_SERVER_PASS: login.password,
      GOIPMI_SERVER_CIPHER_SUITES: suites,
      GOIPMI_SERVER_TRACE: "1",
    },
    stdio: ["ignore", output, output],
  });
  closeSync(output);
  const gone = once(child, "exit");
  await answering(port, gone);
  return {
    port,
    count: (command) =>
      readFileSync(log, "utf8")
        .split("\n")
        .filter((line) => line.includes(`trace "${command}"`) && line.includes(" cc=0x00 ")).length,
    silence: () => freeze(child),
    async stop() {
      child.kill("SIGKILL");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A rig on it. That it carried out a Chassis Control is its own word; which one, is the caller's: it does not write that down.
 */
export async function goIpmiRig(suite: 3 | 17, state: "on" | "off") {
  const server = await startGoIpmiServer(String(suite));
  const pressed: HostAction[] = [];
  const controls = () => server.count("Chassis Control");
  const rig = ipmiRig({ ...server, pressed: () => [...pressed] }, identity, { ...login, cipherSuite: suite });
  if (state === "on") await rig.power.on(rig.permit("power-on"));
  const noting = async <Answer>(action: HostAction, work: Promise<Answer>): Promise<Answer> => {
    const before = controls();
    try {
      return await work;
    } finally {
      pressed.push(...Array<HostAction>(controls() - before).fill(action));
    }
  };
  const noted = (power: typeof rig.power): typeof rig.power => ({
    ...power,
    on: (permit) => noting("on", power.on(permit)),
    off: (permit, how) => noting(how === "hard" ? "force-off" : "graceful-off", power.off(permit, how)),
    reset: (permit) => noting("reset", power.reset(permit)),
  });
  return { ...rig, power: noted(rig.power), expecting: (who: Parameters<typeof rig.expecting>[0]) => noted(rig.expecting(who)) };
}

/** Its GUID is text, filled up with zeros, which our client reads in every order. */
function uuidOf(text: string): string {
  const hex = Buffer.alloc(16, text + "\0".repeat(16 - text.length)).toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}
