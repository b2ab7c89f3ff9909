import { expect, test } from "vitest";
import { rackLines } from "#adapters/cli/mod.ts";
import type { MachineRow } from "#adapters/http/port.ts";

const drill = { at: "2026-01-31T10:00:00.000Z", run: "r", offMs: 21_000, bootMs: 127_000, gpus: 2 };

const row = (name: string, more: Partial<MachineRow> = {}): MachineRow => ({
  name,
  role: "worker",
  pool: "gpu",
  node: `talos-${name}`,
  ready: "true",
  bmc: "redfish 10.0.10.31",
  powerState: "on",
  power: "On",
  identity: "agrees",
  agree: ["inventory", "BMC", "Node"],
  identityDetail: "BMC, Node and inventory agree by uuid",
  witnesses: {},
  canProveOff: true,
  trust: "auto",
  trustInForce: "auto",
  gpus: "2/2",
  holds: [],
  objections: [],
  ...more,
});

const rack: readonly MachineRow[] = [
  row("gpu-01", { drill }),
  row("gpu-02", {
    drill: { ...drill, lapsed: "its firmware was 6.10 at its drill and is 7.00 now: lightsout drill gpu-02" },
    trustInForce: "ask",
    objections: [{ against: ["recovery"], guard: "trust", says: "ask", reason: "shown in its own column" }],
  }),
  row("gpu-03", {
    identity: "contradicts",
    agree: ["inventory", "Node"],
    objections: [
      { against: ["recovery", "off", "on"], guard: "identity", says: "refuse", reason: "the BMC says it is 1234" },
      { against: ["recovery", "off", "on"], guard: "hold", says: "refuse", reason: "held by alice (rack a): cables" },
    ],
  }),
  row("desk-01", {
    ready: "unknown (the API does not answer)",
    bmc: "none",
    powerState: "unknown",
    power: "no BMC",
    identity: "cannot-tell",
    agree: [],
    canProveOff: false,
    trust: "observe",
    trustInForce: "observe",
    objections: [
      { against: ["recovery", "off", "on"], guard: "bmc", says: "refuse", reason: "it has no BMC" },
      { against: ["recovery", "off", "on"], guard: "hold", says: "refuse", reason: "held by alice (rack a): cables" },
    ],
  }),
];

test("a line for each machine, then what stands against acting on them, each thing once", () => {
  expect(rackLines(rack).join("\n")).toMatchInlineSnapshot(`
    "MACHINE  NODE   BMC      POWER   IDENTITY  OFF?  DRILL       TRUST
    gpu-01   Ready  redfish  on      ✔ 3/3     ✔     2026-01-31  auto
    gpu-02   Ready  redfish  on      ✔ 3/3     ✔     lapsed      ask (set: auto)
    gpu-03   Ready  redfish  on      ✘ 2/3     ✔     never       auto
    desk-01  ?      none     no BMC  ? 0/3     ✘     never       observe

    What stands against acting on them now:
      gpu-02: its drill no longer counts: its firmware was 6.10 at its drill and is 7.00 now: lightsout drill gpu-02
      gpu-03: everything refused (identity): the BMC says it is 1234
      gpu-03, desk-01: everything refused (hold): held by alice (rack a): cables
      desk-01: everything refused (bmc): it has no BMC"
  `);
});

test("wide has everything of a machine in its line", () => {
  expect(rackLines(rack.slice(0, 2), { wide: true }).slice(0, 3).join("\n")).toMatchInlineSnapshot(`
    "MACHINE  POOL  ROLE    NODE          READY  BMC                 POWER  IDENTITY  OFF?  DRILL       MEASURED                     GPUS  TRUST
    gpu-01   gpu   worker  talos-gpu-01  Ready  redfish 10.0.10.31  On     ✔ 3/3     ✔     2026-01-31  off 21s, back 2m 7s, 2 GPUs  2/2   auto
    gpu-02   gpu   worker  talos-gpu-02  Ready  redfish 10.0.10.31  On     ✔ 3/3     ✔     lapsed      off 21s, back 2m 7s, 2 GPUs  2/2   ask (set: auto)"
  `);
});

test("a contradiction that no guard can tell is told all the same", () => {
  const swapped = row("desk-01", { identity: "contradicts", identityDetail: "names are swapped" });
  expect(rackLines([swapped]).at(-1)).toBe("  desk-01: it is another machine: names are swapped");
});

test("nothing is wider than a terminal of 80 columns, and no word is lost", () => {
  const lines = rackLines(rack, { columns: 80 });
  expect(lines.filter((line) => line.length > 80)).toEqual([]);
  const words = (text: readonly string[]) => text.join(" ").split(/\s+/);
  expect(words(lines)).toEqual(words(rackLines(rack)));
});

test("what a person wrote on a Node cannot steer the terminal", () => {
  const objection = { against: ["on"], guard: "hold", says: "refuse", reason: "a\u001b[2Jb\nc" } as const;
  expect(rackLines([row("gpu-01", { objections: [objection] })]).at(-1)).toBe("  gpu-01: on refused (hold): a\ufffd[2Jb c");
});

test("what is true of many machines names some of them", () => {
  const held = { against: ["recovery"], guard: "storm", says: "wait", reason: "suspect the network" } as const;
  const many = Array.from({ length: 40 }, (_, index) => row(`m-${index}`, { objections: [held] }));
  expect(rackLines(many).at(-1)).toBe("  m-0, m-1, m-2, m-3, m-4, m-5 and 34 more: recovery waits (storm): suspect the network");
});

test("nothing stands against a rack where all is well, and an empty one says where machines are given", () => {
  expect(rackLines([row("gpu-01", { drill })])).toHaveLength(2);
  expect(rackLines([])).toEqual(["The inventory is empty; add machines to lightsout.yaml"]);
});
