import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, describe, expect, it, onTestFinished } from "vitest";
import type { Power } from "#adapters/power/port.ts";
import { createRedfishPower, type RedfishOptions } from "#adapters/power/redfish/mod.ts";
import { type ActVerb, type Permit, systemClock } from "#events";
import { mintPermit } from "#events/runtime/permit.ts";
import type { PowerRig } from "#test/contracts/power/rig.ts";
import { powerContract } from "#test/contracts/power.ts";
import type { HostAction } from "#test/lab/host.ts";
import { createLabCertificate } from "#test/lab/kube-cert.ts";
import { type SushyEmulator, startSushyEmulator, sushyEmulator } from "./sushy-emulator.ts";

const words: Readonly<Record<string, HostAction>> = {
  On: "on",
  ForceOn: "on",
  ForceOff: "force-off",
  GracefulShutdown: "graceful-off",
  ForceRestart: "reset",
};
const permit = (verb: ActVerb): Permit =>
  mintPermit({ run: "r1", step: "s1", attempt: 1, machine: "m1", verb, gate() {}, signal: new AbortController().signal });

const client = (emulator: SushyEmulator, over: Partial<RedfishOptions>): Power =>
  createRedfishPower({
    machine: "m1",
    address: `127.0.0.1:${emulator.port}`,
    user: "admin",
    password: "secret",
    tls: { plain: true },
    expect: {},
    clock: systemClock,
    timeouts: { connectMs: 2000, requestMs: 2000 },
    ...over,
  });

/** What its machines were asked for, in our words. */
const pressed = (emulator: SushyEmulator): HostAction[] =>
  emulator.log().flatMap((line) => words[/power state set to "(\w+)"/.exec(line)?.[1] ?? ""] ?? []);

describe.skipIf(!sushyEmulator)("our client drives sushy-tools' Redfish emulator", () => {
  const uuid = randomUUID();
  // A Python program takes its time to start: an emulator that nobody has asked for anything serves the next test too.
  const untouched = new Map<"on" | "off", SushyEmulator>();
  afterAll(() => Promise.all([...untouched.values()].map((one) => one.stop())));

  const makeRig = async (state: "on" | "off"): Promise<PowerRig> => {
    const emulator = untouched.get(state) ?? (await startSushyEmulator([{ uuid, power: state }]));
    untouched.delete(state);
    let silent = false;
    const opened: Power[] = [];
    const expecting = (expect: RedfishOptions["expect"]) => {
      const made = client(emulator, { expect });
      opened.push(made);
      return made;
    };
    return {
      power: expecting({ uuid }),
      identity: { uuid },
      expecting,
      permit,
      pressed: () => pressed(emulator),
      silence() {
        silent = true;
        emulator.silence();
      },
      async close() {
        await Promise.all(opened.map((one) => one.close()));
        if (silent || emulator.log().length > 0) await emulator.stop();
        else untouched.set(state, emulator);
      },
    };
  };

  // Whatever is asked, its boot override is "Continuous".
  powerContract("sushy-tools", makeRig, { bootOnce: "every-start" });

  const start = async (...args: Parameters<typeof startSushyEmulator>) => {
    const emulator = await startSushyEmulator(...args);
    onTestFinished(() => emulator.stop());
    return emulator;
  };

  it("finds its machine among several behind one address, and none that is not there", async () => {
    const uuids = [randomUUID(), randomUUID(), randomUUID()];
    const emulator = await start(uuids.map((each, index) => ({ uuid: each, power: index === 1 ? "off" : "on" })));
    const states = await Promise.all(uuids.map(async (each) => (await client(emulator, { expect: { uuid: each } }).state()).state));
    expect(states).toEqual(["on", "off", "on"]);
    await client(emulator, { expect: { uuid: uuids[2] } }).off(permit("force-off"), "hard");
    expect(emulator.log()).toEqual([`System "${uuids[2]}" power state set to "ForceOff"`]);
    const stranger = client(emulator, { expect: { uuid: randomUUID() } });
    await expect(stranger.off(permit("force-off"), "hard")).rejects.toMatchObject({ code: "LO_BMC_IDENTITY", effect: "none" });
  });

  it("gives it an image, which it fetches, finds it inserted, and takes it out again", async () => {
    const fetched: string[] = [];
    const images = createServer((request, response) => {
      fetched.push(request.url ?? "");
      response.end("an image");
    }).listen(0, "127.0.0.1");
    onTestFinished(() => void images.close());
    await once(images, "listening");
    const image = `http://127.0.0.1:${(images.address() as AddressInfo).port}/metal-amd64.iso`;
    const emulator = await start([{ uuid, power: "off" }]);
    const power = client(emulator, { expect: { uuid } });
    // Its override is "Continuous" whatever it is told: the image is in, and the act says that something was done.
    await expect(power.bootOnce(permit("boot-once"), "cd", image)).rejects.toMatchObject({ effect: "unknown" });
    expect(fetched).toEqual(["/metal-amd64.iso"]);
    expect(emulator.log().join("\n")).toContain("Virtual media placed into device Cd");
    const others = power.bootOnce(permit("boot-once"), "cd", `${image}.other`);
    await expect(others).rejects.toMatchObject({ effect: "none", message: expect.stringContaining(image) });
    await power.bootOnce(permit("boot-once"), "none", image).catch(() => undefined);
    expect(emulator.log().join("\n")).toContain("Virtual media ejected from device Cd");
    await power.close();
  });

  it("trusts it over TLS by its CA, and stops after one wrong password", async () => {
    const { ca, ...shown } = createLabCertificate("sushy-tools");
    const emulator = await start([{ uuid, power: "on" }], shown);
    expect((await client(emulator, { tls: { ca } }).state()).state).toBe("on");
    await expect(client(emulator, { tls: { pin: "00".repeat(32) } }).state()).rejects.toMatchObject({ code: "LO_BMC_CERTIFICATE" });
    const wrong = client(emulator, { tls: { ca }, password: "wrong" });
    await expect(wrong.state()).rejects.toMatchObject({ code: "LO_BMC_AUTH" });
    await expect(wrong.state()).rejects.toMatchObject({ code: "LO_BMC_LOCKED" });
  });
});
