import type { Capability, Power, Surveyed } from "../port.ts";
import { readAbout } from "./about.ts";
import { controllerTypes, createActs, offered } from "./acts.ts";
import { offersHttp } from "./boot.ts";
import type { Service } from "./discovery.ts";
import { at, fields } from "./fields.ts";
import { identityOf } from "./identity.ts";
import { createLight, hasLight } from "./light.ts";
import { readLog } from "./log.ts";
import { readOverride } from "./override.ts";
import { readActivity, readWatts, resetProof, statusOf } from "./readings.ts";
import { createSession, type RedfishOptions } from "./session.ts";

/** Out-of-band power of one machine over Redfish (DSP0266). Sends nothing before its first call. */
export function createRedfishPower(options: RedfishOptions): Power & Surveyed {
  const { machine, clock, expect } = options;
  const session = createSession(options);
  const { reads } = session;
  const acts = createActs({ machine, session, clock, expect });
  const light = createLight({ machine, client: reads, clock });

  return {
    machine,
    protocol: "redfish",
    capabilities: async (signal) => capabilitiesOf(await session.service(reads, signal)),
    state: async (signal) => statusOf((await session.system(reads, signal)).system),
    // PushPowerButton is never a way on: it toggles.
    on: (permit) => acts.press(permit, "power-on", () => ["On", "ForceOn"], "on"),
    off: (permit, how) =>
      how === "hard"
        ? acts.press(permit, "force-off", () => ["ForceOff"], "off")
        : acts.press(permit, "power-off", () => ["GracefulShutdown"], "off"),
    reset: (permit) => acts.press(permit, "reset", (service) => service.quirks.reset),
    bootOnce: (permit, target, uri) => acts.bootOnce(permit, target, uri),
    async bootOverride(signal) {
      const { system } = await session.system(reads, signal);
      return (await readOverride(reads, system, signal)).override;
    },
    async identity(signal) {
      const { service, system } = await session.system(reads, signal);
      const manager = service.manager === undefined ? {} : (await reads.get(service.manager, signal)).body;
      return identityOf(system, manager);
    },
    async lastReset(signal) {
      const { service, system } = await session.system(reads, signal);
      return resetProof(service, system);
    },
    eventLog: async ({ limit = 32 } = {}, signal) => readLog(machine, reads, await session.service(reads, signal), limit, signal),
    powerReading: async (signal) => readWatts(machine, reads, await session.service(reads, signal), signal),
    identify: async (seconds, signal) => light.blink(await session.service(reads, signal), seconds, signal),
    resetController: (permit) => acts.resetController(permit),
    async activity(signal) {
      const { service, system } = await session.system(reads, signal);
      return readActivity(reads, service, system, signal);
    },
    about: async (signal) => readAbout(reads, await session.service(reads, signal), options.user, signal),
    async close() {
      light.close();
      await session.close();
    },
  };
}

function capabilitiesOf(service: Service): ReadonlySet<Capability> {
  const { shape, reset, managerReset, quirks } = service;
  const has: readonly (readonly [Capability, boolean])[] = [
    ["on", offered(reset, ["On", "ForceOn"]) !== undefined],
    ["off", offered(reset, ["ForceOff"]) !== undefined],
    ["graceful-off", offered(reset, ["GracefulShutdown"]) !== undefined],
    ["prove-off", Object.hasOwn(shape, "PowerState")],
    ["reset", offered(reset, quirks.reset) !== undefined],
    ["boot-once", Object.hasOwn(fields(shape, "Boot"), "BootSourceOverrideTarget")],
    ["boot-http", offersHttp(fields(shape, "Boot"))],
    ["virtual-media", service.media.length > 0],
    ["identity", Object.hasOwn(shape, "UUID") || Object.hasOwn(shape, "SerialNumber")],
    ["last-reset", service.proof !== undefined],
    ["event-log", service.logs.length > 0],
    ["power-reading", service.metered],
    ["identify", hasLight(shape)],
    ["reset-controller", offered(managerReset, controllerTypes) !== undefined],
    [
      "boot-progress",
      at(shape, "BootProgress") !== undefined || (quirks.post !== undefined && at(shape, ...quirks.post.path) !== undefined),
    ],
  ];
  return new Set(has.filter(([, present]) => present).map(([capability]) => capability));
}
