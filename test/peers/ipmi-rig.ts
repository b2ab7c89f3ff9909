import type { ChildProcess } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createIpmiPower, createIpmiTransport, type IpmiPowerOptions } from "#adapters/power/ipmi/mod.ts";
import type { Power } from "#adapters/power/port.ts";
import { systemClock } from "#events";
import { permitFor } from "#test/adapters/power/ipmi/rig.ts";
import type { PowerRig } from "#test/contracts/power/rig.ts";
import type { HostAction } from "#test/lab/host.ts";

/** A silent BMC is soon given up, a busy machine is given time: a peer may start a shell for every question. */
export const timeouts = { packetMs: 500, tries: 3, setupTries: 2, onceMs: 2000 };

/** A BMC that this project did not write, running, with machine `m1` behind it. */
export interface IpmiPeer {
  readonly port: number;
  /** What it has asked of the machine so far, oldest first. */
  pressed(): HostAction[];
  /** Stops the process where it stands: its socket stays open and nobody reads it. */
  silence(): void;
  stop(): Promise<void>;
}

/** The rig of the power contract, and other clients of the same BMC. */
export interface IpmiRig extends PowerRig {
  client(options?: Partial<IpmiPowerOptions>): Power;
}

/** The client under test on such a BMC, as the power contract wants it; closing it stops the BMC. */
export function ipmiRig(
  peer: IpmiPeer,
  identity: PowerRig["identity"],
  login: Pick<IpmiPowerOptions, "user" | "password" | "cipherSuite">,
): IpmiRig {
  const transport = createIpmiTransport({ clock: systemClock });
  const opened: Power[] = [];
  const client = (options: Partial<IpmiPowerOptions> = {}) => {
    const at = { host: "127.0.0.1", port: peer.port, clock: systemClock, transport, timeouts };
    const made = createIpmiPower({ machine: "m1", ...at, ...login, expect: identity, ...options });
    opened.push(made);
    return made;
  };
  return {
    power: client(),
    identity,
    client,
    expecting: (expect) => client({ expect }),
    permit: (verb) => permitFor("m1", verb),
    pressed: () => peer.pressed(),
    silence: () => peer.silence(),
    async close() {
      await Promise.all(opened.map((one) => one.close()));
      await transport.close();
      await peer.stop();
    },
  };
}

/** Stops a process where it stands, and returns when none of its threads runs any more. */
export function freeze(child: ChildProcess): void {
  child.kill("SIGSTOP");
  const tasks = `/proc/${child.pid}/task`;
  const runs = (task: string) => !/^State:\s+T/m.test(readFileSync(`${tasks}/${task}/status`, "utf8"));
  while (readdirSync(tasks).some(runs));
}

/** A UDP port on 127.0.0.1 that nobody has now. */
export async function freePort(): Promise<number> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  socket.close();
  return port;
}

/** Get Channel Authentication Capabilities, which every BMC answers outside a session (IPMI 2.0 §22.13). */
const probe = Buffer.from("0600ff07000000000000000000092018c88100388e04b5", "hex");

/** Resolves once a BMC answers on this port; rejects when its process ends before. */
export async function answering(port: number, gone: Promise<unknown[]>): Promise<void> {
  const socket = createSocket("udp4").bind(0, "127.0.0.1");
  await once(socket, "listening");
  const ask = () => socket.send(probe, port, "127.0.0.1", () => undefined);
  const again = setInterval(ask, 20);
  ask();
  try {
    const ended = gone.then(([code]) => {
      throw new Error(`the BMC on port ${port} ended by itself with code ${code}`);
    });
    await Promise.race([once(socket, "message"), ended]);
  } finally {
    clearInterval(again);
    socket.close();
  }
}
