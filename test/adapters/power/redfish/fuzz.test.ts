import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { overrideOf, planBoot } from "#adapters/power/redfish/boot.ts";
import { pathOf } from "#adapters/power/redfish/fields.ts";
import { contradiction, identityOf } from "#adapters/power/redfish/identity.ts";
import { entryOf } from "#adapters/power/redfish/log.ts";
import { quirksFor, standard } from "#adapters/power/redfish/oem/quirks.ts";
import { statusOf } from "#adapters/power/redfish/readings.ts";
import { notesOf, summarize } from "#adapters/power/redfish/reply.ts";
import { LightsoutError, UnsupportedError } from "#events";
import { createRig, type Rig } from "./rig.ts";

const names = [
  "@odata.id",
  "@odata.etag",
  "@Message.ExtendedInfo",
  "@Redfish.Settings",
  "SettingsObject",
  "error",
  "code",
  "message",
  "MessageId",
  "Message",
  "MessageArgs",
  "Members",
  "Members@odata.nextLink",
  "Systems",
  "Links",
  "Chassis",
  "ManagedBy",
  "Actions",
  "#ComputerSystem.Reset",
  "target",
  "ResetType@Redfish.AllowableValues",
  "@Redfish.ActionInfo",
  "PowerState",
  "Boot",
  "BootSourceOverrideEnabled",
  "BootSourceOverrideTarget",
  "BootProgress",
  "LastState",
  "UUID",
  "SerialNumber",
  "Oem",
  "Power",
  "PowerControl",
  "LogServices",
  "Entries",
  "__proto__",
  "constructor",
];
const words = fc.constantFrom("On", "Off", "Once", "Disabled", "Pxe", "/redfish/v1/Systems", "//evil/x", "http://[", "\u0000", "null", "");
const { garbage } = fc.letrec((tie) => ({
  garbage: fc.oneof({ maxDepth: 4, withCrossShrink: true }, words, fc.jsonValue({ maxDepth: 1 }), tie("list"), tie("object")),
  list: fc.array(tie("garbage"), { maxLength: 4 }),
  object: fc.dictionary(fc.constantFrom(...names), tie("garbage"), { maxKeys: 6 }),
}));
const object = fc.dictionary(fc.constantFrom(...names), garbage, { maxKeys: 8 });

test("no body crashes a parser", () => {
  fc.assert(
    fc.property(garbage, fc.string(), (body, secret) => {
      for (const note of notesOf(body)) expect(typeof note.key).toBe("string");
      expect(summarize(200, body, secret).length).toBeLessThanOrEqual(300);
      const path = pathOf(body);
      expect(path === undefined || path.startsWith("/")).toBe(true);
    }),
  );
});

test("no system crashes a reading, and only On and Off are states", () => {
  fc.assert(
    fc.property(object, object, (system, other) => {
      const { state, raw } = statusOf(system);
      expect(state).toBe(raw === "On" ? "on" : raw === "Off" ? "off" : "unknown");
      expect(typeof overrideOf(system).raw).toBe("string");
      expect(identityOf(system, other).uuids.every((uuid) => /^[0-9a-f-]{36}$/.test(uuid))).toBe(true);
      expect(contradiction(system, { uuid: "x", serial: "y" }).matched).toBe(0);
      expect(typeof entryOf(system).message).toBe("string");
      expect(quirksFor(Object.keys(system)).vendor).toBeDefined();
      try {
        planBoot({ machine: "w1", system, settings: other, target: "pxe", quirks: standard });
      } catch (error) {
        expect(error).toBeInstanceOf(UnsupportedError);
      }
    }),
  );
});

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

test("whatever a BMC answers, every call ends in a value or one of our errors, and garbage never reads as off", async () => {
  const answers = fc.array(
    fc.oneof(
      fc.record({ status: fc.constantFrom(200, 200, 200, 204, 400, 404, 412, 500), body: fc.oneof(object, garbage) }),
      fc.record({ status: fc.constantFrom(302, 503), headers: fc.record({ Location: words.filter((word) => word !== "\u0000") }) }),
      fc.constant(undefined),
    ),
    { minLength: 1, maxLength: 12 },
  );
  rig.host.faults.ignores.add("force-off");
  const property = fc.asyncProperty(answers, async (script) => {
    let next = 0;
    const said: unknown[] = [];
    rig.bmc.intercept = () => {
      const answer = script[next++ % script.length];
      said.push(answer);
      return answer;
    };
    const power = rig.power({ auth: "basic", timeouts: { requestMs: 1000 } });
    const calls = [
      power.state().then(({ state }) => expect(state !== "off" || JSON.stringify(said).includes('"Off"')).toBe(true)),
      power.capabilities(),
      power.identity(),
      power.bootOverride(),
      power.lastReset(),
      power.eventLog(),
      power.powerReading(),
      power.activity(),
      power.identify(0),
      power.off(rig.permit("force-off"), "hard"),
      power.bootOnce(rig.permit("boot-once"), "pxe"),
      power.resetController(rig.permit("reset-controller")),
    ];
    for (const result of await Promise.allSettled(calls)) {
      if (result.status === "rejected") expect(result.reason).toBeInstanceOf(LightsoutError);
    }
    await power.close();
  });
  await fc.assert(property, { numRuns: 60 });
}, 60_000);
