import type { Capability, Power, PowerStatus, Receipt } from "#adapters/power/port.ts";
import { type ActVerb, admit, type Clock, DeviceError, type Permit } from "#events";
import type { FakeMachine } from "./machine.ts";

const everything: readonly Capability[] = [
  "on",
  "off",
  "graceful-off",
  "prove-off",
  "reset",
  "boot-once",
  "identity",
  "last-reset",
  "event-log",
  "power-reading",
  "identify",
  "reset-controller",
  "boot-progress",
];

/** The power port of one simulated machine. Like the real ones it demands a permit, checks who the BMC is, and passes the gate last. */
export function createFakePower(machine: FakeMachine, clock: Clock): Power {
  const { bmc, host, facts, name } = machine;
  let silentUntil = Number.NEGATIVE_INFINITY;

  const fail = (
    operation: string,
    code: "LO_BMC_TIMEOUT" | "LO_BMC_UNREACHABLE" | "LO_BMC_IDENTITY",
    effect: "none" | "unknown",
    why: string,
  ) => new DeviceError(code, { target: name, operation, effect }, why);
  const answered = (operation: string) => {
    if (bmc.silent || clock.mono() < silentUntil) throw fail(operation, "LO_BMC_TIMEOUT", "none", "no answer in 3 s");
  };
  const who = () => ({
    uuids: facts.uuid === undefined ? [] : [facts.uuid],
    ...(facts.serial === undefined ? {} : { serial: facts.serial }),
    ...bmc.identity,
  });

  const status = (): PowerStatus => {
    if (bmc.reads) return bmc.reads;
    const is = machine.power();
    const to = machine.asked();
    if (to !== undefined && to !== is) {
      if (bmc.transitional) return { state: "unknown", raw: to === "off" ? "PoweringOff" : "PoweringOn" };
      if (bmc.reportsEarly) return { state: to, raw: to === "off" ? "Off" : "On" };
    }
    return { state: is, raw: is === "off" ? "Off" : "On" };
  };

  const write = (permit: Permit, verb: ActVerb, effect: () => void): Receipt => {
    if (bmc.silent || clock.mono() < silentUntil || bmc.unreachable-- > 0) {
      throw fail(verb, "LO_BMC_UNREACHABLE", "none", "connection refused");
    }
    const { uuids, serial } = who();
    if ((facts.uuid !== undefined && !uuids.includes(facts.uuid)) || (facts.serial !== undefined && serial !== facts.serial)) {
      throw fail(verb, "LO_BMC_IDENTITY", "none", `this BMC says it is ${uuids[0] ?? serial}`);
    }
    const refused = bmc.refuses(verb);
    if (refused) throw refused;
    permit.gate();
    machine.take(verb, permit.run);
    if (bmc.ignores-- <= 0) effect();
    if (bmc.silentAfterMs > 0) silentUntil = clock.mono() + bmc.silentAfterMs;
    if (bmc.losesAnswers) throw fail(verb, "LO_BMC_TIMEOUT", "unknown", "no answer after the request was sent");
    return { did: "sent", answer: "204" };
  };
  const already = (to: "on" | "off"): Receipt | undefined => {
    const { state, raw } = status();
    return state === to ? { did: "already", answer: `PowerState ${raw}` } : undefined;
  };

  return {
    machine: name,
    protocol: "redfish",
    async capabilities() {
      answered("capabilities");
      return new Set(everything);
    },
    async state() {
      answered("state");
      return status();
    },
    async on(permit) {
      admit(permit, name, "power-on");
      return already("on") ?? write(permit, "power-on", () => machine.press("on", bmc.latencyMs, true));
    },
    async off(permit, how) {
      admit(permit, name, how === "hard" ? "force-off" : "power-off");
      if (how === "hard") return already("off") ?? write(permit, "force-off", () => machine.press("off", bmc.latencyMs, true));
      return already("off") ?? write(permit, "power-off", () => machine.shutDown(true));
    },
    async reset(permit) {
      admit(permit, name, "reset");
      return write(permit, "reset", () => {
        machine.press("off", bmc.latencyMs, true);
        machine.press("on", bmc.latencyMs + 1, true);
      });
    },
    async bootOnce(permit, target, uri) {
      admit(permit, name, "boot-once");
      return write(permit, "boot-once", () => {
        if (bmc.forgetsOverrides-- > 0) return;
        machine.override = { target, once: target !== "none", ...(uri === undefined ? {} : { uri }) };
      });
    },
    async bootOverride() {
      answered("boot override");
      machine.power();
      const { target, once } = machine.override;
      return { target, once, raw: target };
    },
    async identity() {
      answered("identity");
      return who();
    },
    async lastReset() {
      answered("last reset");
      return String(machine.did.off + machine.did.on);
    },
    async eventLog({ limit = 32 } = {}) {
      answered("event log");
      return bmc.log.slice(-limit);
    },
    async powerReading() {
      answered("power reading");
      return machine.power() === "on" ? 180 : 6;
    },
    async identify() {
      answered("identify");
    },
    async resetController(permit) {
      admit(permit, name, "reset-controller");
      return write(permit, "reset-controller", () => {
        silentUntil = clock.mono() + host.bootMs;
      });
    },
    async activity() {
      answered("activity");
      return bmc.activity;
    },
    async close() {},
  };
}
