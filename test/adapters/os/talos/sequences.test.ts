import { describe, expect, test } from "vitest";
import type { TalosEvent } from "#adapters/os/port.ts";
import { followSequence } from "#adapters/os/talos/sequence.ts";
import { DeviceError } from "#events";
import { createRig, type Rig, until, verdict } from "./rig.ts";

async function rebooted(rig: Rig, mode: "default" | "power-cycle" = "default"): Promise<string> {
  const { actor, did } = await rig.machine.reboot(rig.permit("os-reboot"), mode);
  expect(did).toBe("sent");
  return actor ?? "";
}

describe("an acknowledged sequence", () => {
  test("that another one locked out is known to be refused by its events alone", async () => {
    const rig = await createRig();
    rig.os.faults.locked = true;
    const before = await rig.machine.bootId();
    expect(await rig.machine.follow(await rebooted(rig))).toEqual({ end: "refused", seen: "reboot: locked: sequence is locked" });
    expect(await rig.machine.bootId()).toBe(before);
    expect(rig.host.count.reset).toBe(0);
  });

  test("is refused while one that hangs in its drain runs, and the one that hangs never ends", async () => {
    const rig = await createRig();
    rig.os.faults.drainHangs = true;
    const hanging = await rebooted(rig);
    const stop = new AbortController();
    const following = rig.machine.follow(hanging, stop.signal);
    await rig.clock.sleep(200);
    expect((await rig.machine.follow(await rebooted(rig))).end).toBe("refused");
    stop.abort(new Error("long enough"));
    await expect(following).rejects.toThrow("long enough");
    expect(rig.host.count.reset).toBe(0);
  });

  test("that fails says how", async () => {
    const rig = await createRig();
    rig.os.faults.sequenceFails = "failed to unmount /var";
    expect(await rig.machine.follow(await rebooted(rig))).toEqual({ end: "failed", seen: "reboot: fatal: failed to unmount /var" });
  });

  test("that comes through says that the machine goes down, and its boot id proves that it came back", async () => {
    const rig = await createRig();
    const before = await rig.machine.bootId();
    const end = await rig.machine.follow(await rebooted(rig));
    expect(["done", "lost"]).toContain(end.end);
    await until(async () => expect(await rig.machine.bootId()).not.toBe(before));
    await until(async () => expect(await rig.machine.status()).toMatchObject({ stage: "running", ready: true }));
  });

  test("follows only its own actor, and what that one did before we looked", async () => {
    const rig = await createRig();
    rig.os.faults.sequenceFails = "first";
    const first = await rebooted(rig);
    expect((await rig.machine.follow(first)).seen).toContain("first");
    rig.os.faults.sequenceFails = "second";
    const second = await rebooted(rig);
    expect((await rig.machine.follow(second)).seen).toContain("second");
    expect((await rig.machine.follow(first)).seen).toContain("first");
  });

  test("is lost when the power goes first", async () => {
    const rig = await createRig();
    rig.os.faults.drainHangs = true;
    const following = rig.machine.follow(await rebooted(rig));
    await until(() => expect(rig.box.calls.some(({ method }) => method === "Events")).toBe(true));
    rig.host.press("force-off", "test");
    expect(await following).toMatchObject({ end: "lost" });
  });
});

test("what keeps us from reading the events is an error, not an end", async () => {
  const refused = new DeviceError("LO_TALOS_AUTH", { target: "m1", operation: "events", effect: "none" }, "not authorized");
  const events = async function* (): AsyncGenerator<TalosEvent> {
    yield { id: "1", fact: { kind: "phase", phase: "drain", action: "start" } };
    throw refused;
  };
  await expect(followSequence(events(), undefined)).rejects.toBe(refused);
});

test("a shutdown powers the machine off, a reboot by kexec leaves the firmware's boot override alone, one by power cycle takes it", async () => {
  const rig = await createRig();
  const pxe = { target: "pxe", once: true, mode: "UEFI" };
  rig.host.boot = pxe;
  await rebooted(rig);
  await until(() => expect(rig.os.boots.at(-1)).toMatchObject({ how: "kexec" }));
  expect(rig.host.boot).toEqual(pxe);
  await until(() => expect(rig.os.stage()).toBe("running"));
  await rebooted(rig, "power-cycle");
  await until(() => expect(rig.os.boots.at(-1)).toMatchObject({ how: "firmware" }));
  expect(rig.host.boot.target).toBe("none");
  await until(() => expect(rig.os.stage()).toBe("running"));
  await rig.machine.shutdown(rig.permit("os-shutdown"));
  await until(() => expect(rig.host.power()).toBe("off"));
});

test("a reset to maintenance loses the configuration and keeps the system", async () => {
  const rig = await createRig();
  const wipe = { what: "partitions", labels: ["STATE", "EPHEMERAL"] } as const;
  await rig.machine.reset(rig.permit("os-reset"), { graceful: true, reboot: true, wipe });
  await until(async () => expect((await rig.machine.presence()).is).toBe("maintenance"));
  expect(await rig.machine.maintenance.version()).toMatchObject({ tag: "v1.13.9" });
  expect((await rig.machine.maintenance.disks())[0]?.system).toBe(true);
});

describe("the stream of events", () => {
  async function take(stream: AsyncIterable<TalosEvent>, count: number): Promise<TalosEvent[]> {
    const taken: TalosEvent[] = [];
    for await (const event of stream) if (taken.push(event) === count) return taken;
    return taken;
  }

  test("begins with what is new, with all that is kept, or after an event we know", async () => {
    const rig = await createRig();
    rig.os.enter("booting", false);
    rig.os.enter("running", true);
    const all = await take(rig.machine.events({ from: "all" }), 4);
    expect(all.map(({ fact }) => (fact.kind === "status" ? fact.status.stage : fact.kind))).toEqual([
      "booting",
      "running",
      "booting",
      "running",
    ]);
    expect(all[2]?.fact).toEqual({
      kind: "status",
      status: { stage: "booting", ready: false, unmet: [{ name: "services", reason: "kubelet not healthy" }] },
    });
    expect(await take(rig.machine.events({ from: { after: all[2]?.id ?? "" } }), 1)).toEqual(all.slice(3));
    await until(() => expect(rig.os.events.subscribers()).toBe(0));
    const coming = take(rig.machine.events(), 1);
    await until(() => expect(rig.os.events.subscribers()).toBe(1));
    rig.os.enter("maintenance", true);
    expect((await coming)[0]?.fact).toMatchObject({ status: { stage: "maintenance" } });
  });

  test("lasts longer than any deadline, and ends when the machine goes down", async () => {
    const rig = await createRig({ talos: { timeouts: { connect: 4000, call: 4000 } } });
    const reading = take(rig.machine.events(), 1);
    await rig.clock.sleep(8000);
    rig.os.enter("running", true);
    expect(await reading).toHaveLength(1);
    const cut = verdict(take(rig.machine.events(), 99));
    await rig.clock.sleep(1000);
    await rig.box.close();
    expect(await cut).toBe("LO_TALOS_UNREACHABLE, none");
  });

  test("that does not even greet is given up", async () => {
    const rig = await createRig({ talos: { timeouts: { connect: 4000, call: 4000 } } });
    rig.os.faults.silent.add("Events");
    expect(await verdict(take(rig.machine.events(), 1))).toBe("LO_TALOS_TIMEOUT, none");
  });
});
