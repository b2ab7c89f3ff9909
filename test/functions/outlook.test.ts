import { expect, test } from "vitest";
import { witnessesThatAgree } from "#functions/guards/mod.ts";
import { objections } from "#functions/outlook.ts";
import { guardsOf, type Rig, rack, startRig, untouched } from "./rig.ts";

/** What stands against acting on a machine, in lines. */
async function against(rig: Rig, machine: string): Promise<string[]> {
  const { guards, specs } = rig.office;
  return (await objections(machine, { guards, specs })).map((one) => `${one.against.join("+")} ${one.says} ${one.guard}: ${one.reason}`);
}

test("nothing stands against acting on a healthy machine that is trusted, and asking changes nothing", async () => {
  const rig = await startRig({ machines: rack });
  expect(await against(rig, "gpu-02")).toEqual([]);
  expect(rig.world.machine("gpu-02").did).toEqual(untouched);
  expect(await rig.office.reservations.uses("machine/gpu-02")).toEqual([]);
  expect(await rig.worker.runs.all()).toEqual([]);
});

test.each<[string, (rig: Rig) => unknown, string[]]>([
  [
    "a hold",
    (rig) => rig.say("hold-requested", { scope: "pool", name: "workers", reason: "cables" }, { actor: "bob" }),
    ["recovery+off+on refuse hold: held by bob (pool workers): cables"],
  ],
  [
    "a hold on its Node",
    ({ world }) => Object.assign(world.machine("gpu-02").node, { hold: { reason: "fans" } }),
    ["recovery+off+on refuse hold: Node gpu-02 is annotated lightsout.dev/hold=fans"],
  ],
  [
    "a freeze",
    (rig) => rig.say("freeze-requested", { reason: "storm" }, { actor: "bob" }),
    ["recovery+off+on wait freeze: frozen by bob: storm"],
  ],
  [
    "another box behind its BMC",
    ({ world }) => Object.assign(world.machine("gpu-02").bmc, { identity: { serial: "OTHER" } }),
    ["recovery+off+on refuse identity: the BMC reports serial OTHER, the inventory says SN7K3Q02: this BMC belongs to another machine"],
  ],
  ["a pet", ({ world }) => Object.assign(world.machine("gpu-02").facts, { pet: true }), ["recovery+off ask pet: gpu-02 is declared a pet"]],
  [
    "a person who wants it off",
    (rig) => rig.office.ledger.change("gpu-02", (now) => ({ ...now, want: "off", by: "alice", why: "new fans" })),
    ["recovery refuse ledger: alice wants it off (new fans), node-lost would leave it on"],
  ],
  [
    "trust that asks",
    (rig) => rig.say("trust-changed", { scope: "machine", name: "gpu-02", trust: "ask" }),
    ["recovery ask trust: For gpu-02 trust is ask"],
  ],
  [
    "what carries Lightsout",
    ({ world }) => Object.assign(world.machine("gpu-02").facts, { carriesLightsout: true }),
    ["recovery+off refuse self-protection: it carries Lightsout or its event store. If you mean it: --confirm gpu-02"],
  ],
  [
    "the only control plane",
    ({ world }) => Object.assign(world.machine("gpu-02").facts, { role: "control-plane" }),
    [
      expect.stringMatching(/^recovery wait quorum: /),
      expect.stringMatching(/^off refuse quorum: etcd could lose its majority/),
    ] as string[],
  ],
])("what stands against acting: %s", async (_, change, expected) => {
  const rig = await startRig({ machines: rack });
  await change(rig);
  expect(await against(rig, "gpu-02")).toEqual(expected);
});

test("a cluster that does not answer leaves only switching on", async () => {
  const rig = await startRig({ machines: rack });
  rig.world.api.reachable = false;
  const lines = await against(rig, "gpu-02");
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatch(/^(recovery|recovery\+off|off) wait .*no answer, so no/);
});

test("in observe a person sees every other guard's word too, those that reserve included", async () => {
  const rig = await startRig({ machines: rack.map((name) => ({ name, trust: "observe" as const })) });
  await rig.office.reservations.reserve("machine/gpu-02", "run-1", rig.clock.now(), () => true);
  await rig.office.reservations.reserve("machine/gpu-02", "run-2", rig.clock.now(), () => true);
  const guards = guardsOf(rig.office, rig.world);
  const found = await objections("gpu-02", { guards, specs: rig.office.specs });
  expect(found.map(({ against: acts, guard, says }) => [acts.join("+"), says, guard])).toEqual([
    ["recovery+off+on", "observe", "trust"],
    ["recovery", "refuse", "budget"],
  ]);
});

test("which of inventory, BMC and Node name the same machine", () => {
  const [a, b] = ["4c4c4544-0056-3510-8033-b7c04f4a4e32", "4c4c4544-0043-3010-8052-b4c04f564231"];
  const agree = (machine: { uuid?: string; serial?: string }, bmc?: { uuids: string[]; serial?: string }, systemUUID?: string) =>
    witnessesThatAgree(machine, bmc, systemUUID === undefined ? undefined : { systemUUID }).join("+");
  expect(agree({ uuid: a }, { uuids: [a] }, a)).toBe("inventory+BMC+Node");
  expect(agree({ uuid: a }, { uuids: [b] }, a)).toBe("inventory+Node");
  expect(agree({ uuid: a }, { uuids: [b] }, b)).toBe("BMC+Node");
  expect(agree({ uuid: a }, { uuids: [a] }, b)).toBe("inventory+BMC");
  expect(agree({ uuid: a }, { uuids: [a] })).toBe("inventory+BMC");
  expect(agree({ serial: "S1" }, { uuids: [a], serial: "s1" }, a)).toBe("inventory+BMC+Node");
  expect(agree({ uuid: a }, undefined, a)).toBe("inventory+Node");
  expect(agree({ uuid: a }, { uuids: [b] })).toBe("");
  const filler = "00000000-0000-0000-0000-000000000000";
  expect(agree({ uuid: filler }, { uuids: [filler] }, filler)).toBe("");
});
