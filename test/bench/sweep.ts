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
const some = 60;
const run = promisify(execFile);

/** Power state of 1,000 simulated BMCs over IPMI 2.0, each with a session of its own, beside FreeIPMI's ipmipower and ipmitool on the same ones. */
export async function sweep(): Promise<Record<string, number>> {
  const bmcs = spawn(process.execPath, [fileURLToPath(new URL("sweep-bmcs.ts", import.meta.url)), String(count)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const [line] = (await once(createInterface(bmcs.stdout), "line")) as [string];
  const ports = JSON.parse(line) as number[];
  try {
    await rate("lightsout, its first sweep", count, () => sweepOurs(ports));
    // The later ones are what a process shows that stays up.
    const ours = await rate("lightsout", count, () => sweepOurs(ports));
    const ratios: Record<string, number> = {};
    const ipmipower = peer("ipmipower", "freeipmi-tools");
    if (ipmipower) ratios.ipmipower = ratio(ours, await rate("ipmipower", count, () => sweepIpmipower(ipmipower, ports)));
    const ipmitool = peer("ipmitool");
    if (ipmitool) ratios.ipmitool = ratio(ours, await rate("ipmitool", some, () => sweepIpmitool(ipmitool, ports.slice(0, some))));
    return ratios;
  } finally {
    bmcs.stdin.end();
    await once(bmcs, "exit");
  }
}

async function rate(name: string, machines: number, work: () => Promise<number>): Promise<number> {
  const started = performance.now();
  const answered = await work();
  const seconds = (performance.now() - started) / 1000;
  if (answered !== machines) throw new Error(`${name} read ${answered} of ${machines} BMCs`);
  process.stdout.write(`${name}: ${machines} BMCs in ${seconds.toFixed(2)} s, ${Math.round(machines / seconds)}/s\n`);
  return machines / seconds;
}

/** From nothing: a session is opened, the state is read, the session is closed. */
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

async function sweepIpmipower(program: string, ports: readonly number[]): Promise<number> {
  const hosts = ports.map((port) => `127.0.0.1:${port}`).join(",");
  // It asks for privilege 0 and takes the 0 that comes back for none; the flag says that this is well.
  const args = ["-D", "LAN_2_0", "-I", "17", "-W", "opensesspriv", "-h", hosts, "-u", "admin", "-p", "secret", "--stat"];
  const { stdout } = await run(program, args, { maxBuffer: 16 * 1024 * 1024 });
  return stdout.split("\n").filter((line) => /: (on|off)$/.test(line)).length;
}

async function sweepIpmitool(program: string, ports: readonly number[]): Promise<number> {
  let answered = 0;
  for (const port of ports) {
    const args = ["-I", "lanplus", "-C", "17", "-H", "127.0.0.1", "-p", String(port), "-U", "admin", "-P", "secret", "power", "status"];
    const { stdout } = await run(program, args);
    if (/Power is (on|off)/.test(stdout)) answered += 1;
  }
  return answered;
}

const ratio = (ours: number, theirs: number) => Math.round((ours / theirs) * 100) / 100;
