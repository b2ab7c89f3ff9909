import { expect, test } from "vitest";
import { DeviceError, driftFound, driftGone, UnsupportedError } from "#events";
import driftCheck from "#functions/drift-check.ts";
import driftRepair from "#functions/drift-repair.ts";
import { lastOf, type Rig, startRig } from "./rig.ts";

const names = ["gpu-01", "gpu-02", "gpu-03"];
const start = (trust: "auto" | "observe" = "auto") =>
  startRig({ machines: names.map((name) => ({ name, trust })), functions: [driftCheck, driftRepair] });

let checks = 0;
const check = async (rig: Rig, machine?: string) => {
  checks += 1;
  const run = await rig.say("drift-check-requested", machine === undefined ? {} : { machine }, {
    id: `check-${checks}`,
    origin: "external",
  });
  return { run, status: await rig.ended(run) };
};
const told = async ({ office }: Rig, machine = "gpu-02") => {
  const [found, gone] = await Promise.all([office.bus.since(driftFound, machine, 0), office.bus.since(driftGone, machine, 0)]);
  const news = [
    ...found.map(({ event, position }) => ({ position, what: event.data.drift })),
    ...gone.map(({ position }) => ({ position, what: "gone" as const })),
  ];
  return news.sort((one, other) => one.position - other.position).map(({ what }) => what);
};
/** Repairs that were begun have ended. */
const repaired = (rig: Rig) =>
  rig.until("repairs end", async () => (await rig.worker.runs.all()).every(({ status }) => status === "finished"));

test("machines that run what is declared of them are no news", async () => {
  const rig = await start();
  expect((await check(rig)).status).toBe("ok");
  for (const name of names) expect(await told(rig, name)).toEqual([]);
});

test("everything that is declared is compared with what runs", async () => {
  const rig = await start();
  rig.world.policy.drift = { repair: [] };
  const box = rig.world.machine("gpu-02");
  rig.world.configs.declare("gpu-02", {
    ...{
      version: "v1.14.0",
      schematic: "a".repeat(64),
      kubernetes: "v1.37.0",
      extensions: ["siderolabs/gvisor", "siderolabs/iscsi-tools"],
    },
    ...{ labels: { gpu: "a100", rack: "r1" }, taints: { dedicated: "gpu:NoSchedule" } },
  });
  box.system.extensions = [{ name: "iscsi-tools", version: "v0.2.0" }];
  box.node.labels = { gpu: "h100", other: "stays" };
  box.node.taints = { dedicated: "cpu:NoSchedule" };
  box.override = { target: "pxe", once: false };
  rig.world.configs.differs.set("gpu-02", ["machine.sysctls: declared 1, running 2"]);
  expect((await check(rig)).status).toBe("ok");
  expect(await told(rig)).toEqual([
    [
      { of: "boot-order", declared: "its disk", running: "pxe, always (pxe)" },
      { of: "configuration", declared: "as it is composed", running: "machine.sysctls: declared 1, running 2" },
      { of: "extensions", declared: "gvisor, iscsi-tools", running: "iscsi-tools" },
      { of: "kubernetes", declared: "v1.37.0", running: "v1.36.3" },
      { of: "labels", declared: "gpu=a100, rack=r1", running: "gpu=h100, rack=" },
      { of: "schematic", declared: "a".repeat(64), running: "4c4c4544".repeat(8) },
      { of: "taints", declared: "dedicated=gpu:NoSchedule", running: "dedicated=cpu:NoSchedule" },
      { of: "version", declared: "v1.14.0", running: "v1.13.9" },
    ],
  ]);
  expect(await told(rig, "gpu-01")).toEqual([]);
});

test("the same drift is told once, another one anew, and its end too", async () => {
  const rig = await start();
  rig.world.configs.differs.set("gpu-02", ["a: declared 1, running 2"]);
  for (let day = 0; day < 3; day += 1) await check(rig);
  expect(await told(rig)).toHaveLength(1);
  rig.world.configs.differs.set("gpu-02", ["a: declared 1, running 3"]);
  await check(rig);
  await check(rig, "gpu-02");
  expect(await told(rig)).toHaveLength(2);
  rig.world.configs.differs.set("gpu-02", []);
  await check(rig);
  await check(rig);
  expect((await told(rig)).slice(2)).toEqual(["gone"]);
  rig.world.configs.differs.set("gpu-02", ["a: declared 1, running 3"]);
  await check(rig);
  expect(await told(rig)).toHaveLength(4);
});

test("what cannot be read is named and is no news: what was told of it stands", async () => {
  const rig = await start();
  const box = rig.world.machine("gpu-02");
  rig.world.configs.declare("gpu-02", { version: "v1.14.0" });
  box.override = { target: "pxe", once: true };
  await check(rig);
  box.system.faults.silent = true;
  box.bmc.silent = true;
  const { run, status } = await check(rig);
  expect(status).toBe("ok");
  expect(await told(rig)).toHaveLength(1);
  const last = (await rig.lines(run)).find((entry) => entry.startsWith('done "what could not be read"'));
  expect(last).toMatch(/"gpu-02":"(.*; )?version: gpu-02: version: no answer in 5s/);
  expect(last).toContain("boot-order: ");
  expect(last).not.toContain("gpu-01");
});

test("a check of one machine that cannot be asked fails, and says why", async () => {
  const rig = await start();
  rig.world.machine("gpu-02").system.faults.silent = true;
  const { run, status } = await check(rig, "gpu-02");
  expect(status).toBe("failed");
  expect(await lastOf(rig, run)).toContain("gpu-02 could not be asked: gpu-02: version: no answer in 5s");
  expect((await check(rig, "gpu-01")).status).toBe("ok");
});

test("machines of which nothing is declared are left out, unless one is asked for", async () => {
  const rig = await start();
  rig.world.configs.declare("gpu-02", undefined);
  const all = await check(rig);
  expect(all.status).toBe("ok");
  expect((await rig.lines(all.run)).join()).not.toContain("gpu-02");
  const one = await check(rig, "gpu-02");
  expect(one.status).toBe("failed");
  expect(await lastOf(rig, one.run)).toContain("Nothing is declared of the Talos of gpu-02");
});

test("an override of the BMC that a rebuild has set, and a BMC that knows no overrides, are no drift", async () => {
  const rig = await start();
  rig.world.machine("gpu-02").override = { target: "pxe", once: true };
  const profile = { kernel: "s/v/kernel-amd64", initramfs: "s/v/initramfs-amd64.xz", args: [] };
  await rig.world.ports.netboot.arms.arm("gpu-02", { run: "r1", profile, within: "1h" });
  const { of } = rig.world.ports.power;
  const noOverride = async () => Promise.reject(new UnsupportedError("gpu-03", "boot override", "AMT 9 has none"));
  Object.assign(rig.world.ports.power, {
    of: (name: string) => (name === "gpu-03" ? { ...of(name), bootOverride: noOverride } : of(name)),
  });
  const { run, status } = await check(rig);
  expect(status).toBe("ok");
  for (const name of names) expect(await told(rig, name)).toEqual([]);
  expect(await rig.lines(run)).toContain('done "what could not be read" {}');
});

test("labels and taints are put right where the policy allows it, and nothing else is touched", async () => {
  const rig = await start();
  const box = rig.world.machine("gpu-02");
  rig.world.configs.declare("gpu-02", { version: "v1.14.0", labels: { gpu: "a100" }, taints: { dedicated: "gpu:NoSchedule" } });
  box.node.labels = { gpu: "h100", theirs: "stays" };
  await check(rig);
  await repaired(rig);
  expect(box.node.labels).toEqual({ gpu: "a100", theirs: "stays" });
  expect(box.node.taints).toEqual({ dedicated: "gpu:NoSchedule" });
  expect(box.did).toMatchObject({ settle: 1, apply: 0, upgrade: 0, reboot: 0 });
  expect(box.system.running?.version).toBe("v1.13.9");
  // What was put right is gone from the next news.
  await check(rig);
  const left = (await told(rig)).at(-1);
  expect(Array.isArray(left) && left.map(({ of }) => of)).toEqual(["configuration", "version"]);
  expect(await rig.office.reservations.uses("machine/gpu-02")).toEqual([]);
});

test("without leave nothing is put right, with leave for labels only they are", async () => {
  const rig = await start();
  const box = rig.world.machine("gpu-02");
  rig.world.configs.declare("gpu-02", { labels: { gpu: "a100" }, taints: { dedicated: "gpu:NoSchedule" } });
  rig.world.policy.drift = { repair: [] };
  await check(rig);
  await repaired(rig);
  expect(box.did.settle).toBe(0);
  rig.world.policy.drift = { repair: ["labels"] };
  await check(rig);
  await repaired(rig);
  expect(box.node.labels).toEqual({ gpu: "a100" });
  expect(box.node.taints).toEqual({});
});

test("a repair that was held back is asked for again by the next check", async () => {
  const rig = await start();
  const box = rig.world.machine("gpu-02");
  rig.world.configs.declare("gpu-02", { labels: { gpu: "a100" } });
  await rig.say("hold-requested", { scope: "machine", name: "gpu-02", reason: "hands off" });
  await check(rig);
  await repaired(rig);
  expect(box.did.settle).toBe(0);
  await rig.say("hold-released", { scope: "machine", name: "gpu-02" });
  await check(rig);
  await repaired(rig);
  expect(box.node.labels).toEqual({ gpu: "a100" });
});

test("under trust observe drift is told and nothing is put right", async () => {
  const rig = await start("observe");
  rig.world.configs.declare("gpu-02", { labels: { gpu: "a100" } });
  await check(rig);
  await repaired(rig);
  expect(await told(rig)).toHaveLength(1);
  expect(rig.world.machine("gpu-02").did.settle).toBe(0);
});

test("what is declared when it is put right counts, not what was told", async () => {
  const rig = await start();
  rig.world.configs.declare("gpu-02", { labels: { gpu: "a100" } });
  await rig.say("freeze-requested", { reason: "audit" });
  await check(rig);
  rig.world.configs.declare("gpu-02", { labels: { gpu: "b200" } });
  await rig.say("freeze-released", {});
  await repaired(rig);
  expect(rig.world.machine("gpu-02").node.labels).toEqual({ gpu: "b200" });
});

test("an API that forbids it ends the repair, and the machine is free for others", async () => {
  const rig = await start();
  rig.world.configs.declare("gpu-02", { labels: { gpu: "a100" } });
  const about = { target: "gpu-02", operation: "settle", effect: "none" } as const;
  Object.assign(rig.world.ports.cluster, { settle: async () => Promise.reject(new DeviceError("LO_CLUSTER_REFUSED", about, "403")) });
  await check(rig);
  await repaired(rig);
  const [run] = await rig.runsOf("gpu-02");
  expect(await lastOf(rig, run?.run ?? "")).toContain("finished refused");
  expect(await rig.office.claims.holder("gpu-02")).toBeUndefined();
});

test("no secret of a configuration is told or journaled", async () => {
  const rig = await start();
  rig.world.machine("gpu-02").system.configuration += "token: hunter2\n";
  rig.world.configs.differs.set("gpu-02", ["cluster.token: declared (hidden), running (hidden)"]);
  const { run } = await check(rig);
  expect(JSON.stringify(await rig.journal(run))).not.toContain("hunter2");
  expect(JSON.stringify(await told(rig))).not.toContain("hunter2");
});
