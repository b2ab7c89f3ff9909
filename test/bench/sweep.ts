import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createIpmiPower, createIpmiTransport } from "#adapters/power/ipmi/mod.ts";
import { systemClock } from "#events";
import { peer } from "#test/peers/peer.ts";

const count = 1000;
/** ipmitool serves one BMC a process: a part of them tells its rate. */
const some = 40;
const rounds = 7;
const run = promisify(execFile);

interface Contender {
  readonly name: string;
  readonly ports: readonly number[];
  /** Answers how many BMCs told their state. */
  sweep(ports: readonly number[]): Promise<number>;
}

/**
 * Power state of 1,000 simulated BMCs over IPMI 2.0 with cipher suite 17, each with a session of its own that is opened and closed, beside
 * FreeIPMI's ipmipower and ipmitool on the same ones. The BMCs are a process of their own. All go in turn, several times, and the median of each
 * counts: both share the machine with whatever else runs on it. The first turn of each warms up, the BMCs too, and is shown but does not count.
 * The programs are told suite 17. Lightsout is not and asks each BMC for its suites, as where nothing is configured: to be told would save it
 * one of six exchanges and ipmipower none of its seven.
 */
export async function sweep(): Promise<Record<string, number>> {
  const bmcs = spawn(process.execPath, [fileURLToPath(new URL("sweep-bmcs.ts", import.meta.url)), String(count)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  try {
    const [line] = (await once(createInterface(bmcs.stdout), "line")) as [string];
    const ports = JSON.parse(line) as number[];
    const ipmipower = peer("ipmipower", "freeipmi-tools");
    const ipmitool = peer("ipmitool");
    const ours: Contender = { name: "lightsout", ports, sweep: sweepOurs };
    const peers: readonly Contender[] = [
      ...(ipmipower ? [{ name: "ipmipower", ports, sweep: sweepIpmipower(ipmipower) }] : []),
      ...(ipmitool ? [{ name: "ipmitool", ports: ports.slice(0, some), sweep: sweepIpmitool(ipmitool) }] : []),
    ];
    const rates = new Map([ours, ...peers].map(({ name }): [string, number[]] => [name, []]));
    for (let round = 0; round <= rounds; round += 1) {
      for (const one of [ours, ...peers]) {
        const found = await rate(one);
        rates.get(one.name)?.push(found);
      }
    }
    const median = ({ name }: Contender) => middle((rates.get(name) ?? []).slice(1));
    for (const one of [ours, ...peers]) {
      const [first, ...all] = (rates.get(one.name) ?? []).map(Math.round);
      process.stdout.write(`${one.name}: ${Math.round(median(one))} BMCs/s, the median of ${all.join(", ")}; ${first} in its first turn\n`);
    }
    return Object.fromEntries(peers.map((one) => [one.name, Math.round((median(ours) / median(one)) * 100) / 100]));
  } finally {
    bmcs.stdin.end();
    if (bmcs.exitCode === null) await once(bmcs, "exit");
  }
}

async function rate({ name, ports, sweep: work }: Contender): Promise<number> {
  const started = performance.now();
  const answered = await work(ports);
  const seconds = (performance.now() - started) / 1000;
  if (answered !== ports.length) throw new Error(`${name} read ${answered} of ${ports.length} BMCs`);
  return ports.length / seconds;
}

async function sweepOurs(ports: readonly number[]): Promise<number> {
  const transport = createIpmiTransport({ clock: systemClock });
  const states = await Promise.all(
    ports.map(async (port) => {
      const options = { machine: `m${port}`, host: "127.0.0.1", port, user: "admin", password: "secret", expect: {} };
      const power = createIpmiPower({ ...options, clock: systemClock, transport });
      const { state } = await power.state();
      await power.close();
      return state;
    }),
  );
  await transport.close();
  return states.filter((state) => state !== "unknown").length;
}

/** All at once, as it is made for. */
const sweepIpmipower = (program: string) => async (ports: readonly number[]) => {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
  const args = ["-D", "LAN_2_0", "-I", "17", "-h", hosts, "-u", "admin", "-p", "secret", "--stat"];
  const { stdout } = await run(program, args, { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split("\n").filter((line) => /: (on|off)$/.test(line)).length;
};

const sweepIpmitool = (program: string) => async (ports: readonly number[]) => {
  let answered = 0;
  for (const port of ports) {
    const args = ["-I", "lanplus", "-C", "17", "-H", "127.0.0.1", "-p", String(port), "-U", "admin", "-P", "secret", "power", "status"];
    const { stdout } = await run(program, args);
    if (/Power is (on|off)/.test(stdout)) answered += 1;
  }
  return answered;
};

const middle = (rates: readonly number[]): number => rates.toSorted((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0;
