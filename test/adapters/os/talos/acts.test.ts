import { describe, expect, test } from "vitest";
import type { Talos } from "#adapters/os/port.ts";
import { type ActVerb, GateClosedError, type Permit } from "#events";
import { createLabEtcd } from "#test/lab/talos-etcd.ts";
import { createRig, type Rig, rejection, until, verdict } from "./rig.ts";

const config = "version: v1alpha1\nmachine:\n  type: control-plane\n  sysctls: {a: b}\n";
const image = `factory.talos.dev/metal-installer/${"a".repeat(64)}:v1.13.9`;

/** Every actuating call, the method behind it, and what it must have changed when it was let through. */
const acts: [string, ActVerb, string, (talos: Talos, permit: Permit) => Promise<unknown>, string][] = [
  ["reboot", "os-reboot", "Reboot", (talos, permit) => talos.reboot(permit, "default"), "reboot DEFAULT"],
  ["reboot by power cycle", "os-reboot", "Reboot", (talos, permit) => talos.reboot(permit, "power-cycle"), "reboot POWERCYCLE"],
  ["forced reboot", "os-reboot", "Reboot", (talos, permit) => talos.reboot(permit, "force"), "reboot FORCE"],
  ["shutdown", "os-shutdown", "Shutdown", (talos, permit) => talos.shutdown(permit), "shutdown"],
  ["forced shutdown", "os-shutdown", "Shutdown", (talos, permit) => talos.shutdown(permit, { force: true }), "shutdown force"],
  [
    "reset to maintenance",
    "os-reset",
    "Reset",
    (talos, permit) => talos.reset(permit, { graceful: true, reboot: true, wipe: { what: "partitions", labels: ["STATE", "EPHEMERAL"] } }),
    "reset mode=1 STATE+EPHEMERAL",
  ],
  [
    "reset of a user disk",
    "os-reset",
    "Reset",
    (talos, permit) => talos.reset(permit, { graceful: false, reboot: true, wipe: { what: "user-disks", devices: ["/dev/sdb"] } }),
    "reset mode=2 all /dev/sdb",
  ],
  [
    "apply a configuration",
    "apply-config",
    "ApplyConfiguration",
    (talos, permit) => talos.applyConfiguration(permit, config, { mode: "auto" }),
    "apply AUTO",
  ],
  [
    "stage a configuration",
    "apply-config",
    "ApplyConfiguration",
    (talos, permit) => talos.applyConfiguration(permit, config, { mode: "staged" }),
    "apply STAGED",
  ],
  [
    "try a configuration",
    "apply-config",
    "ApplyConfiguration",
    (talos, permit) => talos.applyConfiguration(permit, config, { mode: "try", tryMs: 1500 }),
    "apply TRY",
  ],
  ["bootstrap", "bootstrap", "Bootstrap", (talos, permit) => talos.bootstrap(permit), "bootstrap"],
  ["upgrade", "upgrade", "Upgrade", (talos, permit) => talos.upgrade(permit, image), `upgrade ${image}`],
  ["rollback", "rollback", "Rollback", (talos, permit) => talos.rollback(permit), "rollback"],
  ["leave etcd", "etcd-remove-member", "EtcdLeaveCluster", (talos, permit) => talos.etcd.leave(permit), "etcd-leave"],
  [
    "remove an etcd member",
    "etcd-remove-member",
    "EtcdRemoveMemberByID",
    (talos, permit) => talos.etcd.removeMember(permit, { machine: "m9", id: "8e9e05c521646a4e", name: "m9" }),
    "etcd-remove-member",
  ],
];

/** Whose permit an act needs: its own machine's, or that of the dead machine whose member it removes. */
const whose = (name: string) => ({ machine: name === "remove an etcd member" ? "m9" : "m1" });

/** A control plane that is ready for every act: two slots, the image in its store, in etcd unless it is to bootstrap one. */
async function ready(name: string, roles?: readonly string[]): Promise<Rig> {
  const etcd = createLabEtcd();
  const rig = await createRig({ role: "control-plane", etcd, member: name !== "bootstrap", ...(roles ? { roles } : {}) });
  rig.os.slots.b = { version: "v1.13.8", schematic: undefined };
  rig.box.pulled.add(image);
  if (name === "remove an etcd member") etcd.join("m9", () => false, { learner: true });
  return rig;
}

describe.each(acts)("%s", (name, verb, method, act, effect) => {
  test("changes the machine once, and only behind the gate", async () => {
    const { box, machine, permit } = await ready(name);
    let passed = 0;
    const right = permit(verb, { ...whose(name), gate: () => void passed++ });
    await act(machine, right);
    expect(box.effects).toEqual([effect]);
    expect(passed).toBe(1);
    await expect(act(machine, right)).rejects.toMatchObject({ code: "LO_PERMIT" });
    expect(box.effects).toEqual([effect]);
  });

  test("sends nothing when the gate is closed", async () => {
    const { box, machine, permit } = await ready(name);
    const closed = permit(verb, {
      ...whose(name),
      gate() {
        throw new GateClosedError("m1", verb, "too late");
      },
    });
    expect(await verdict(act(machine, closed))).toBe("LO_GATE_CLOSED, none");
    expect(box.effects).toEqual([]);
    expect(box.calls.map((call) => call.method)).not.toContain(method);
  });

  test("sends nothing for another machine's permit, another verb's, or none", async () => {
    const { box, machine, permit } = await ready(name);
    const other = verb === "os-reboot" ? "os-shutdown" : "os-reboot";
    for (const wrong of [permit(verb, { machine: "m2" }), permit(other, whose(name)), { ...permit(verb, whose(name)) }]) {
      expect(await rejection(act(machine, wrong))).toMatchObject({ code: "LO_PERMIT" });
    }
    expect(box.effects).toEqual([]);
  });

  test("sends nothing to a machine that says it is another one", async () => {
    const { box, os, machine, permit } = await ready(name);
    os.faults.reports = { uuid: "1a111111-2222-3333-4444-555555555555" };
    const error = await rejection(act(machine, permit(verb, whose(name))));
    expect(error).toMatchObject({ code: "LO_TALOS_IDENTITY", effect: "none", message: expect.stringContaining("1a111111-2222") });
    expect(box.effects).toEqual([]);
  });

  test("is refused to a reader, without effect", async () => {
    const { box, machine, permit } = await ready(name, ["os:reader"]);
    expect(await verdict(act(machine, permit(verb, whose(name))))).toBe("LO_TALOS_AUTH, none");
    expect(box.effects).toEqual([]);
  });

  test("has an unknown effect when the answer is lost, and is not sent again", async () => {
    const { box, os, machine, permit } = await ready(name);
    os.faults.loseAnswer.add(method);
    expect(await verdict(act(machine, permit(verb, whose(name))))).toMatch(/^LO_TALOS_(UNREACHABLE|PROTOCOL), unknown$/);
    expect(box.calls.filter((call) => call.method === method)).toHaveLength(1);
  });

  test("has an unknown effect when no answer comes, until the act's time is over", async () => {
    const { os, box, machine, permit } = await ready(name);
    os.faults.silent.add(method);
    const over = new AbortController();
    const acting = verdict(act(machine, permit(verb, { ...whose(name), signal: over.signal })));
    await until(() => expect(box.calls.map((call) => call.method)).toContain(method));
    over.abort(new Error("hard timeout"));
    expect(await acting).toBe("LO_TALOS_TIMEOUT, unknown");
  });

  test("has no effect when nobody is there", async () => {
    const { box, machine, permit } = await ready(name);
    await box.close();
    expect(await verdict(act(machine, permit(verb, whose(name))))).toBe("LO_TALOS_UNREACHABLE, none");
  });
});

describe("an operator", () => {
  test.each(acts.map(([name, verb, , act]) => [name, verb, act] as const))("%s", async (name, verb, act) => {
    const { box, machine, permit } = await ready(name, ["os:operator"]);
    const may = ["os-reboot", "os-shutdown"].includes(verb);
    expect(
      await act(machine, permit(verb, whose(name))).then(
        () => "done",
        () => "refused",
      ),
    ).toBe(may ? "done" : "refused");
    expect(box.effects).toHaveLength(may ? 1 : 0);
  });
});

test("an act whose own deadline passes has an unknown effect", async () => {
  const { os, machine, permit, talos } = await createRig({ talos: { timeouts: { connect: 40_000, call: 4000, long: 4000 } } });
  os.faults.silent.add("Reboot");
  expect(await verdict(machine.reboot(permit("os-reboot"), "default"))).toBe("LO_TALOS_TIMEOUT, unknown");
  await talos.close();
});

test("an empty answer to an act is no acknowledgement", async () => {
  const { os, machine, permit } = await createRig();
  os.faults.empty.add("Reboot");
  expect(await verdict(machine.reboot(permit("os-reboot"), "default"))).toBe("LO_TALOS_PROTOCOL, unknown");
});

test("an act's time that is over before it is sent has no effect", async () => {
  const { os, box, machine, permit } = await createRig();
  os.faults.silent.add("Get");
  const over = new AbortController();
  const acting = verdict(machine.reboot(permit("os-reboot", { signal: over.signal }), "default"));
  await until(() => expect(box.calls).toHaveLength(1));
  over.abort(new Error("hard timeout"));
  expect(await acting).toBe("LO_TALOS_TIMEOUT, none");
  expect(box.effects).toEqual([]);
});

describe("identity", () => {
  const uuid = "8d2a1f04-6b7c-4e55-9a10-3c5e7f9b1d20";
  const swapped = "041f2a8d-7c6b-554e-9a10-3c5e7f9b1d20";

  test.each([
    ["the uuid in the other byte order", { uuid: swapped, serial: "SN-m1" }],
    ["a serial in other letters", { uuid, serial: "sn-M1" }],
    ["a maker's filler for a serial", { uuid, serial: "To be filled by O.E.M." }],
    ["a maker's filler for a uuid", { uuid: "03000200-0400-0500-0006-000700080009", serial: "SN-m1" }],
    ["nothing", { uuid: "", serial: "" }],
  ])("%s contradicts nothing", async (_, reports) => {
    const { box, os, machine, permit } = await createRig({ talos: { identityOf: () => ({ uuid, serial: "SN-m1" }) } });
    os.faults.reports = reports;
    await machine.reboot(permit("os-reboot"), "default");
    expect(box.effects).toEqual(["reboot DEFAULT"]);
  });

  test.each([
    ["uuid", { uuid: uuid.replace("8d", "8e"), serial: "SN-m1" }],
    ["serial", { uuid, serial: "SN-m7" }],
  ])("another %s is another machine", async (what, reports) => {
    const { box, os, machine, permit } = await createRig({ talos: { identityOf: () => ({ uuid, serial: "SN-m1" }) } });
    os.faults.reports = reports;
    const error = await rejection(machine.reboot(permit("os-reboot"), "default"));
    expect(error).toMatchObject({ code: "LO_TALOS_IDENTITY", effect: "none", message: expect.stringContaining(`has ${what}`) });
    expect(box.effects).toEqual([]);
  });

  test("an inventory that knows nothing of the machine hinders nothing", async () => {
    const { box, machine, permit } = await createRig({ talos: { identityOf: () => undefined } });
    await machine.reboot(permit("os-reboot"), "default");
    expect(box.effects).toEqual(["reboot DEFAULT"]);
  });
});

describe("versions", () => {
  test("force is refused to machines that would take it for an ordinary reboot", async () => {
    const { box, machine, permit } = await createRig({ version: "v1.11.6" });
    const error = await rejection(machine.reboot(permit("os-reboot"), "force"));
    expect(error).toMatchObject({
      code: "LO_UNSUPPORTED",
      message: expect.stringContaining("came with Talos 1.12 and the machine runs v1.11.6"),
    });
    expect(box.effects).toEqual([]);
  });

  test("apply with reboot is gone in 1.14, also where the machine says it itself", async () => {
    const { box, machine, permit } = await createRig({ version: "v1.14.0" });
    expect(await verdict(machine.applyConfiguration(permit("apply-config"), config, { mode: "reboot" }))).toBe("unsupported");
    expect(await verdict(machine.diffConfiguration(config, "reboot"))).toBe("unsupported");
    expect(box.effects).toEqual([]);
    const old = await createRig({ version: "v1.13.9" });
    expect(await old.machine.applyConfiguration(old.permit("apply-config"), config, { mode: "reboot" })).toMatchObject({ mode: "reboot" });
  });

  test.each([
    ["v1.13.9", "reboot"],
    ["v1.14.0", "no-reboot"],
  ])("on %s auto becomes %s for what needs one", async (version, mode) => {
    const { machine, permit } = await createRig({ version });
    const needs = `${config}# sysfs-needs-reboot\n`;
    expect(await machine.diffConfiguration(needs, "auto")).toMatchObject({ mode });
    expect(await machine.applyConfiguration(permit("apply-config"), needs, { mode: "auto" })).toMatchObject({ mode });
  });
});

test("a dry run shows the difference and changes nothing", async () => {
  const { box, os, machine } = await createRig();
  const before = os.config;
  const answer = await machine.diffConfiguration(config, "no-reboot");
  expect(answer).toMatchObject({ mode: "no-reboot", details: expect.stringContaining("+  sysctls: {a: b}") });
  expect(os.config).toBe(before);
  expect(box.effects).toEqual([]);
  expect(await verdict(machine.diffConfiguration("kind: HostnameConfig\n", "auto"))).toBe("LO_TALOS_REFUSED, none");
});

test("a reset that names nothing is refused here: Talos would wipe everything", async () => {
  const { box, machine, permit } = await createRig();
  for (const wipe of [
    { what: "partitions", labels: [] },
    { what: "user-disks", devices: [] },
  ] as const) {
    // Only a caller that got past the compiler can do this.
    const options = { graceful: true, reboot: true, wipe } as unknown as Parameters<Talos["reset"]>[1];
    expect(await verdict(machine.reset(permit("os-reset"), options))).toBe("unsupported");
  }
  expect(box.effects).toEqual([]);
});

describe("bootstrap", () => {
  test("is done already where etcd has data, is refused while the machine is not ready, and comes from one machine only", async () => {
    const etcd = createLabEtcd();
    const { os, machine, permit } = await createRig({ role: "control-plane", etcd, member: false });
    os.faults.notReadyToBootstrap = true;
    expect(await verdict(machine.bootstrap(permit("bootstrap")))).toBe("LO_TALOS_REFUSED, none");
    os.faults.notReadyToBootstrap = false;
    expect(await machine.bootstrap(permit("bootstrap"))).toEqual({ did: "sent", answer: "bootstrap acknowledged" });
    expect(await machine.bootstrap(permit("bootstrap"))).toEqual({ did: "already", answer: "etcd data directory is not empty" });
    expect(await verdict(machine.bootstrap(permit("bootstrap"), { recover: true }))).toBe("LO_TALOS_REFUSED, none");
    expect(etcd.log).toEqual(["join m1"]);
  });
});
