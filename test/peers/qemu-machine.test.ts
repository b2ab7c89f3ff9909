import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test, vi } from "vitest";
import { smallRack, startScene } from "#test/e2e/lab.ts";
import type { Host } from "#test/lab/host.ts";
import { freePort, ipmiRig } from "./ipmi-rig.ts";
import { type QemuMachine, qemuMachine, startQemuMachine } from "./qemu-machine.ts";

const login = { user: "admin", password: "secret" };
/** The rack's simulated host, which has the Node and its kubelet, goes off and on with the machine: there is no Talos in its boot sector. */
function follow(machine: QemuMachine, host: Host): () => void {
  let boots = machine.boots();
  const watch = setInterval(() => {
    if (machine.pid() === undefined && host.power() === "on") host.press("force-off", "the machine");
    if (machine.boots() > boots && host.power() === "off") {
      boots = machine.boots();
      host.press("on", "the machine");
    }
  }, 10);
  return () => clearInterval(watch);
}

const soon = { timeout: 50_000, interval: 10 };

/** Notes what iPXE asks for, and sends the machine on to its disk. */
async function bootServer({ onTestFinished }: TestContext) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? "");
    response.end("#!ipxe\nexit 1\n");
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { asked, script: `http://10.0.2.2:${port}/boot.ipxe?uuid=\${uuid}&serial=\${serial}` };
}

describe.skipIf(!qemuMachine)("a virtual machine in QEMU behind ipmi_sim", () => {
  test("goes off, on, through a reset, and once to the network, when our client says so", async (context) => {
    const { expect } = context;
    const { asked, script } = await bootServer(context);
    const identity = { uuid: randomUUID(), serial: "SN-q1" };
    const machine = await startQemuMachine({ ...identity, script });
    const { power, permit, close } = ipmiRig(machine, identity, login);
    context.onTestFinished(close);
    const booted = (times: number) => vi.waitFor(() => expect(machine.boots()).toBe(times), soon);

    expect((await power.state()).state).toBe("off");
    await power.on(permit("power-on"));
    await booted(1);
    const first = machine.pid();
    expect(existsSync(`/proc/${first}`)).toBe(true);
    expect((await power.state()).state).toBe("on");

    await power.reset(permit("reset"));
    await booted(2);
    expect(machine.pid()).toBe(first);

    // A boot sector does not hear that it shall stop; a process that is killed does.
    await power.off(permit("power-off"), "graceful");
    expect((await power.state()).state).toBe("on");
    await power.off(permit("force-off"), "hard");
    expect((await power.state()).state).toBe("off");
    expect(existsSync(`/proc/${first}`)).toBe(false);

    await power.bootOnce(permit("boot-once"), "pxe");
    await power.on(permit("power-on"));
    await vi.waitFor(() => expect(asked).toEqual([`/boot.ipxe?uuid=${identity.uuid}&serial=${identity.serial}`]), soon);
    await booted(3);
    await power.off(permit("force-off"), "hard");
    await power.on(permit("power-on"));
    await booted(4);
    expect(asked).toHaveLength(1);
  });

  test("is power-cycled by the whole of Lightsout: one process ends, another boots, and its Node is back in service", async (context) => {
    const { expect } = context;
    const { asked, script } = await bootServer(context);
    const port = await freePort();
    let identity = { uuid: "", serial: "" };
    const scene = await startScene(context, {
      machines: smallRack("ipmi"),
      scale: 3,
      env: { LAB_BMC_PASSWORD: login.password },
      change({ machines }) {
        const gpu = machines[0];
        identity = { uuid: String(gpu?.uuid), serial: String(gpu?.serial) };
        Object.assign(gpu?.bmc ?? {}, { port, user: login.user });
      },
    });
    const machine = await startQemuMachine({ ...identity, port, script });
    context.onTestFinished(() => machine.stop());
    const rig = ipmiRig({ ...machine, stop: () => Promise.resolve() }, identity, login);
    await rig.power.on(rig.permit("power-on"));
    await rig.close();
    await vi.waitFor(() => expect(machine.boots()).toBe(1), soon);
    const before = machine.pid();
    context.onTestFinished(follow(machine, scene.host("gpu")));

    await scene.call("POST", "/v1/machines/gpu/power", { action: "cycle", hard: true });
    const { last } = await scene.ended("gpu", "power-cycle");
    expect(last, scene.told.join("\n")).toMatchObject({ is: "finished", status: "ok" });
    expect(machine.pressed()).toEqual(["on", "force-off", "on"]);
    expect(existsSync(`/proc/${before}`)).toBe(false);
    expect(machine.boots()).toBe(2);
    expect({ ...scene.counts("gpu"), cordoned: scene.cordoned("gpu") }).toEqual({ off: 1, on: 1, reset: 0, cordoned: false });
    expect(asked).toEqual([]);
  });
});
