import { admit, type Clock, LightsoutError, UnsupportedError } from "#events";
import type { Capability, Power, Surveyed } from "../port.ts";
import { readAbout } from "./about.ts";
import { bootNext, resetBmc, resetOnce, switchPower } from "./acts.ts";
import { type CipherSuite, secretKey } from "./algorithms.ts";
import { getDeviceId } from "./commands/app.ts";
import { getBootFlags, inForce } from "./commands/boot.ts";
import { chassisIdentify, getChassisStatus } from "./commands/chassis.ts";
import { getPowerReading } from "./commands/dcmi.ts";
import { lastPowerEvent, readSelRecord } from "./commands/sel.ts";
import { completionText, firmwareUpdating, insufficientPrivilege, isUnavailable } from "./completion.ts";
import { readNewest } from "./eventlog.ts";
import type { Expectation } from "./identity.ts";
import { createInventory } from "./inventory.ts";
import { createLink } from "./link.ts";
import type { Talk } from "./talk.ts";
import { defaultTimeouts, type IpmiTimeouts } from "./timing.ts";
import type { IpmiTransport } from "./transport.ts";

/** One BMC and how to talk to it. */
export interface IpmiPowerOptions {
  readonly machine: string;
  readonly host: string;
  /** Default 623. */
  readonly port?: number;
  /** At most 16 bytes. */
  readonly user: string;
  /** At most 20 bytes. */
  readonly password: string;
  /** The BMC-wide second key, where one is set; at most 20 bytes. */
  readonly kg?: string | Uint8Array;
  /** What sessions ask for; resetting the BMC itself always asks for administrator. Default operator. */
  readonly privilege?: "user" | "operator" | "administrator";
  /** Default: the best the BMC lists, else 17 and then 3. */
  readonly cipherSuite?: CipherSuite;
  readonly expect: Expectation;
  /** What boot overrides ask the firmware for. Default uefi. */
  readonly bootMode?: "uefi" | "legacy";
  readonly clock: Clock;
  /** Shared by all BMCs; not closed by this one's `close`. */
  readonly transport: IpmiTransport;
  readonly timeouts?: Partial<IpmiTimeouts>;
  /** Least pause between two operations; default 0. */
  readonly spacingMs?: number;
}

const levels = { user: 2, operator: 3, administrator: 4 } as const;
// No `last-reset`: not every BMC writes resets into its log, so an unchanged fingerprint proves nothing.
const always: readonly Capability[] = [
  "on",
  "off",
  "graceful-off",
  "prove-off",
  "reset",
  "boot-once",
  "identity",
  "identify",
  "reset-controller",
];
const powerEventDepth = 64;

/** Power over IPMI 2.0 (RMCP+), cipher suites 17 and 3 only. Throws `LO_IPMI_OPTIONS` when a name or secret is too long. */
export function createIpmiPower(options: IpmiPowerOptions): Power & Surveyed {
  const { machine, host, port = 623, clock, transport, expect } = options;
  const level = levels[options.privilege ?? "operator"];
  const efi = options.bootMode !== "legacy";
  const user = bounded(machine, "the user name", options.user, 16);
  const password = secretKey(bounded(machine, "the password", options.password, 20));
  const kg = options.kg === undefined ? {} : { kg: secretKey(bounded(machine, "K_g", options.kg, 20)) };
  const link = createLink({
    machine,
    host,
    port,
    login: { user, password, ...kg },
    role: level,
    cipherSuite: options.cipherSuite,
    timeouts: { ...defaultTimeouts, ...options.timeouts },
    clock,
    transport,
    spacingMs: options.spacingMs ?? 0,
  });
  const inventory = createInventory(expect);
  const read = <T>(operation: string, signal: AbortSignal | undefined, work: (talk: Talk) => Promise<T>) =>
    link.use(operation, level, signal, work);
  /** Sessions begin at user, which this read needs (IPMI 2.0, table G-1): a packet less. `undefined` where a BMC wants more. */
  const statusAsUser = (signal: AbortSignal | undefined) =>
    link.use("read power state", levels.user, signal, async (talk) => {
      const reply = await talk.ask(getChassisStatus);
      if (reply.ok) return reply.value;
      if (reply.completion === insufficientPrivilege) return undefined;
      throw talk.fail("LO_BMC_REFUSED", "none", `${getChassisStatus.name}: ${completionText(reply.completion)}`);
    });
  let found: ReadonlySet<Capability> | undefined;

  return {
    machine,
    protocol: "ipmi",
    async capabilities(signal) {
      found ??= await read("capabilities", signal, async (talk) => {
        const device = await talk.need(getDeviceId);
        const dcmi = await talk.ask(getPowerReading);
        return new Set<Capability>([
          ...always,
          ...(device.hasSel ? ["event-log" as const] : []),
          ...(dcmi.ok ? ["power-reading" as const] : []),
        ]);
      });
      return found;
    },
    async state(signal) {
      const status = (await statusAsUser(signal)) ?? (await read("read power state", signal, (talk) => talk.need(getChassisStatus)));
      return { state: status.on ? "on" : "off", raw: `${status.on ? "on" : "off"} (chassis status ${status.raw})` };
    },
    async on(permit) {
      admit(permit, machine, "power-on");
      return link.act("power on", level, permit.signal, (talk) => switchPower(talk, permit, "on", inventory.check));
    },
    async off(permit, how) {
      admit(permit, machine, how === "hard" ? "force-off" : "power-off");
      const what = how === "hard" ? "off" : "soft";
      return link.act(`${how} power off`, level, permit.signal, (talk) => switchPower(talk, permit, what, inventory.check));
    },
    async reset(permit) {
      admit(permit, machine, "reset");
      return link.act("reset", level, permit.signal, (talk) => resetOnce(talk, permit, inventory.check));
    },
    async bootOnce(permit, target, uri) {
      admit(permit, machine, "boot-once");
      if (target === "http" || uri !== undefined) {
        const capability = target === "http" ? "boot-http" : "virtual-media";
        throw new UnsupportedError(machine, capability, "IPMI has no place for an address to boot from", { hint: "Use netboot: pxe" });
      }
      return link.act(`boot once from ${target}`, level, permit.signal, (talk) => bootNext(talk, permit, target, efi, inventory.check));
    },
    bootOverride: (signal) => read("read boot override", signal, async (talk) => inForce(await talk.need(getBootFlags))),
    identity: (signal) =>
      read("read identity", signal, async (talk) => {
        const device = await talk.need(getDeviceId);
        const uuids = await inventory.uuids(talk);
        const { manufacturer = `IANA enterprise ${device.manufacturer}`, product, serials } = await inventory.fru(talk);
        const [serial] = serials;
        return { uuids, manufacturer, firmware: device.firmware, ...(serial && { serial }), ...(product && { model: product }) };
      }),
    lastReset: (signal) =>
      read("read last reset", signal, async (talk) =>
        (await talk.need(getDeviceId)).hasSel ? lastPowerEvent(await readNewest(talk, powerEventDepth)) : undefined,
      ),
    eventLog: (asked, signal) =>
      read("read event log", signal, async (talk) => {
        if (!(await talk.need(getDeviceId)).hasSel) throw new UnsupportedError(machine, "event-log", "its BMC keeps no system event log");
        return (await readNewest(talk, asked?.limit ?? 32)).map(readSelRecord);
      }),
    powerReading: (signal) =>
      read("read power draw", signal, async (talk) => {
        const reading = await talk.ask(getPowerReading);
        if (!reading.ok && isUnavailable(reading.completion)) {
          throw new UnsupportedError(machine, "power-reading", `DCMI power reading: ${completionText(reading.completion)}`);
        }
        if (!reading.ok) throw talk.fail("LO_BMC_REFUSED", "none", `DCMI power reading: ${completionText(reading.completion)}`);
        if (reading.value.watts === undefined) throw talk.fail("LO_BMC_REFUSED", "none", "the BMC has no active power measurement");
        return reading.value.watts;
      }),
    identify: (seconds, signal) =>
      read("identify", signal, async (talk) => {
        const asked = await talk.ask(chassisIdentify(seconds));
        if (asked.ok) return;
        const refused = `Chassis Identify: ${completionText(asked.completion)}`;
        // The standard leaves it to the BMC whether there is a light (IPMI 2.0, table G-1).
        if (!isUnavailable(asked.completion)) throw talk.fail("LO_BMC_REFUSED", "none", refused);
        throw new UnsupportedError(machine, "identify", refused, {
          hint: "Find the box by its serial number, or by the MAC address on its label",
        });
      }),
    async resetController(permit) {
      admit(permit, machine, "reset-controller");
      return link.use("reset the BMC", levels.administrator, permit.signal, async (talk) => {
        const receipt = await resetBmc(talk, permit, inventory.check);
        link.forget();
        return receipt;
      });
    },
    activity: (signal) =>
      read("read activity", signal, async (talk) => {
        const device = await talk.ask(getDeviceId);
        if (device.ok)
          return {
            firmwareUpdate: device.value.updating,
            raw: `firmware ${device.value.firmware}${device.value.updating ? ", updating" : ""}`,
          };
        const raw = `Get Device ID: ${completionText(device.completion)}`;
        if (device.completion === firmwareUpdating) return { firmwareUpdate: true, raw };
        throw talk.fail("LO_BMC_REFUSED", "none", raw);
      }),
    about: (signal) => read("read account", signal, (talk) => readAbout(talk, options.user)),
    close: () => link.close(),
  };
}

function bounded(machine: string, what: string, value: string | Uint8Array, most: number): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length <= most) return bytes;
  throw new LightsoutError("LO_IPMI_OPTIONS", `${machine}: ${what} has ${bytes.length} bytes, IPMI allows ${most}`, {
    hint: "Set a shorter one on the BMC and in lightsout.yaml",
  });
}
