import { expect, test } from "vitest";
import type { Check, InitAsked, InitMade } from "#adapters/cli/mod.ts";
import { createRig } from "./rig.ts";

const checks: readonly Check[] = [
  { subject: "store", name: "place", result: "ok", seen: "/var/lib/lightsout.db" },
  { subject: "gpu-01", name: "BMC", result: "ok", seen: "power On" },
  { subject: "store", name: "sync", result: "warning", seen: "not told", todo: "sync_interval: always" },
];
const failing: Check = { subject: "gpu-01", name: "identity", result: "failure", seen: "another\nmachine", todo: "Correct it" };

test("doctor shows what was seen by subject, and what to do", async () => {
  const configs: string[] = [];
  const doctor = async ({ config }: { config: string }) => {
    configs.push(config);
    return [...checks, failing];
  };
  const { run } = await createRig({ hooks: { doctor } });
  const { exit, out } = await run("doctor", "--config", "other.yaml");
  expect(configs).toEqual(["other.yaml"]);
  expect(out.split("\n")).toEqual([
    "store",
    "  ✔ place: /var/lib/lightsout.db",
    "  ! sync: not told",
    "      → sync_interval: always",
    "gpu-01",
    "  ✔ BMC: power On",
    "  ✘ identity: another machine",
    "      → Correct it",
    "",
    "2 ok, 1 warning, 1 failure",
  ]);
  expect(exit).toBe(1);
});

test("doctor ends with 0 where there are warnings alone, and prints one document", async () => {
  const { run } = await createRig({ hooks: { doctor: async () => checks } });
  const { exit, out } = await run("doctor", "--json");
  expect(JSON.parse(out)).toEqual({ ok: true, checks });
  expect(exit).toBe(0);
});

const made: InitMade = {
  file: "rack.yaml",
  machines: [
    {
      name: "gpu-01",
      kind: "redfish",
      address: "10.0.0.11",
      serial: "7V53JN2",
      model: "R740",
      power: "On",
      macs: [],
      notes: ["its uuid is a placeholder"],
    },
  ],
  variables: ["BMC_PASSWORD"],
};

/** What `init` was asked for, and what it printed. */
async function initWith(argv: readonly string[], answers?: readonly string[]) {
  const asked: InitAsked[] = [];
  const init = async (one: InitAsked) => {
    asked.push(one);
    one.say("10.0.0.11 speaks Redfish");
    return made;
  };
  const { run } = await createRig({ hooks: { init }, ...(answers && { answers }) });
  return { asked, ...(await run("init", ...argv)) };
}

test("init passes on what it was told, and says what to do next", async () => {
  const flags = "10.0.0.11 --user lightsout --password-env BMC_PASSWORD --name gpu-01 --port 8443 --out rack.yaml --add".split(" ");
  const { asked, exit, out } = await initWith(flags, []);
  const wanted = {
    addresses: ["10.0.0.11"],
    user: "lightsout",
    passwordEnv: "BMC_PASSWORD",
    name: "gpu-01",
    port: 8443,
    out: "rack.yaml",
    add: true,
    legacy: false,
  };
  expect(asked).toMatchObject([wanted]);
  expect(asked[0]?.terminal).toBeDefined();
  expect(out.split("\n")).toEqual([
    "10.0.0.11 speaks Redfish",
    "gpu-01: R740, power On",
    "  uuid none that identifies it, serial 7V53JN2",
    "  ! its uuid is a placeholder",
    "✔ rack.yaml is written; its trust is observe: everything is decided and shown, nothing is done",
    "  Where Lightsout is started, set: export BMC_PASSWORD=…",
    "  Next: lightsout doctor --config rack.yaml",
  ]);
  expect(exit).toBe(0);
});

test("init --json asks nobody and prints one document", async () => {
  const { asked, out } = await initWith(["10.0.0.11", "--json"], ["never asked"]);
  expect(asked).toMatchObject([{ terminal: undefined, out: "lightsout.yaml", add: false }]);
  expect(JSON.parse(out)).toEqual(made);
});

test.each([
  [["10.0.0.11", "10.0.0.12", "--name", "gpu-01"], "--name is of one machine"],
  [["10.0.0.11", "10.0.0.12", "--pin", "ab"], "--pin is of one machine"],
  [["10.0.0.11", "--port", "http"], '"http" is not a port'],
  [["10.0.0.11", "--port", "70000"], '"70000" is not a port'],
  [["10.0.0.11", "--kind", "ilo"], "Allowed choices are redfish, ipmi"],
])("init %j is a usage error", async (argv, said) => {
  const { asked, err, exit } = await initWith(argv);
  expect(err).toContain(said);
  expect([exit, asked.length]).toEqual([2, 0]);
});
