import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { createIpmiPower, createIpmiTransport } from "#adapters/power/ipmi/mod.ts";
import type { Power } from "#adapters/power/port.ts";
import { createMemoryStore, createWorker, type Guard, readJournal, systemClock } from "#events";
import type { Ports } from "#functions/define.ts";
import powerCycle from "#functions/power-cycle.ts";
import { createFakeWorld } from "#functions/testing/mod.ts";
import { permitFor } from "#test/adapters/power/ipmi/rig.ts";
import { eventually, reads } from "#test/contracts/power/rig.ts";
import { guardsOf } from "#test/functions/rig.ts";
import { peer } from "./peer.ts";
import { type QemuMachine, startQemuMachine } from "./qemu-machine.ts";

const ipmiSim = peer("ipmi_sim", "openipmi");
const qemu = peer("qemu-system-x86_64", "qemu-system-x86");

describe.skipIf(!ipmiSim || !qemu)("a machine in QEMU behind OpenIPMI's ipmi_sim", () => {
  let machine: QemuMachine;
  let power: Power;
  const booted = (times: number) => eventually(() => expect(machine.boots()).toBe(times));
  const permit = (verb: Parameters<typeof permitFor>[1]) => permitFor("m1", verb);

  beforeEach(async () => {
    machine = await startQemuMachine(ipmiSim ?? "", qemu ?? "");
    const transport = createIpmiTransport({ clock: systemClock });
    const { port, uuid } = machine;
    const login = { host: "127.0.0.1", port, user: "admin", password: "secret", cipherSuite: 3 } as const;
    power = createIpmiPower({ machine: "m1", ...login, expect: { uuid }, clock: systemClock, transport });
    onTestFinished(async () => {
      await power.close();
      await transport.close();
      await machine.stop();
    });
    await reads(power, "off");
    await power.on(permit("power-on"));
    await booted(1);
  });

  it("really goes off, really comes on as a new process with a new boot, and is reset in the same one", async () => {
    const first = machine.pid();
    expect((await power.off(permit("force-off"), "hard")).did).toBe("sent");
    await eventually(() => expect(machine.pid()).toBeUndefined());
    await reads(power, "off");
    expect((await power.off(permit("force-off"), "hard")).did).toBe("already");

    expect((await power.on(permit("power-on"))).did).toBe("sent");
    await booted(2);
    const second = machine.pid();
    expect(second).not.toBe(first);
    expect((await power.on(permit("power-on"))).did).toBe("already");

    expect((await power.reset(permit("reset"))).did).toBe("sent");
    await booted(3);
    expect(machine.pid()).toBe(second);
  });

  it("is power-cycled by a worker, under all guards, once", async () => {
    const first = machine.pid();
    // The cluster knows of this machine what its serial line says.
    const world = createFakeWorld(systemClock, { machines: [{ name: "m1", uuid: machine.uuid }, "m2", "m3"] });
    const ports: Ports = {
      ...world.ports,
      power: { of: () => power },
      cluster: {
        ...world.ports.cluster,
        async node(name) {
          const node = await world.ports.cluster.node(name);
          return node && name === "m1" ? { ...node, bootID: `boot ${machine.boots()}`, ready: machine.pid() ? "true" : "unknown" } : node;
        },
      },
    };
    const store = createMemoryStore();
    const guards: Guard[] = [];
    const worker = createWorker({ site: "test", store, clock: systemClock, functions: [powerCycle], ports: { ...ports }, guards });
    guards.push(...guardsOf(worker.office, { ports }));
    onTestFinished(() => worker.stop());
    await worker.start();

    const data = { machine: "m1", hard: true };
    const { runs } = await worker.accept({ type: "power-cycle", data, origin: "operator", actor: "alice", source: "test" });
    const journal = async () => {
      const subject = (await worker.runs.get(runs[0] ?? ""))?.subject;
      return subject === undefined ? [] : (await readJournal(store, subject)).entries;
    };
    await eventually(async () => expect((await journal()).at(-1)).toMatchObject({ is: "finished", status: "ok" }));
    expect((await journal()).flatMap((entry) => (entry.is === "intent" ? [entry.verb] : []))).toEqual(["cordon", "force-off", "power-on"]);
    expect(machine.boots()).toBe(2);
    expect(machine.pid()).not.toBe(first);
  });
});
