import type { LogEntry } from "../../port.ts";

/** One standard SEL event, its fields apart. */
export interface SelEvent {
  readonly sensorType: number;
  readonly sensor: number;
  readonly deasserted: boolean;
  /** 0x6F = the offset's meaning depends on the sensor type. */
  readonly eventType: number;
  readonly offset: number;
}

type Meaning = readonly [text: string, severity: LogEntry["severity"], power?: LogEntry["power"], powerWhenOver?: LogEntry["power"]];

// IPMI 2.0 table 42-3. A lost input of one power supply (08) is not mapped: the other one may go on.
const meanings: Readonly<Record<number, Readonly<Record<number, Meaning>>>> = {
  5: { 0: ["chassis intrusion", "warning"] },
  7: { 0: ["processor internal error", "critical"], 1: ["processor thermal trip", "critical"] },
  8: { 1: ["power supply failure", "critical"], 3: ["power supply input lost", "warning"] },
  9: {
    0: ["power off", "ok", "turned-off", "turned-on"],
    1: ["power cycle", "ok"],
    3: ["interlock power down", "warning", "turned-off"],
    4: ["AC lost", "critical", "ac-lost", "ac-restored"],
    5: ["soft power control failure", "critical"],
    6: ["power unit failure", "critical"],
  },
  12: { 0: ["correctable memory error", "warning"], 1: ["uncorrectable memory error", "critical"] },
  16: { 2: ["log cleared", "ok"], 4: ["log full", "warning"] },
  19: { 4: ["PCI PERR", "critical"], 5: ["PCI SERR", "critical"], 8: ["bus uncorrectable error", "critical"] },
  20: { 0: ["power button", "ok", "button"], 2: ["reset button", "ok", "button"] },
  29: {
    0: ["started by power up", "ok", "turned-on"],
    1: ["started by hard reset", "ok"],
    2: ["started by warm reset", "ok"],
    7: ["restarted", "ok"],
  },
  32: { 1: ["operating system stopped at run time", "critical"] },
  34: {
    0: ["ACPI S0: working", "ok", "turned-on"],
    5: ["ACPI S5: soft off", "ok", "turned-off"],
    6: ["ACPI S4/S5: off", "ok", "turned-off"],
    7: ["ACPI G3: mechanical off", "ok", "turned-off"],
    10: ["ACPI S5 by override", "ok", "turned-off"],
    11: ["ACPI on", "ok", "turned-on"],
    12: ["ACPI off", "ok", "turned-off"],
  },
  35: {
    0: ["watchdog expired", "warning"],
    1: ["watchdog hard reset", "critical"],
    2: ["watchdog power down", "critical", "turned-off"],
    3: ["watchdog power cycle", "critical"],
  },
};

/** What an event says, without its date. */
export function readEvent(event: SelEvent, data: Uint8Array): Omit<LogEntry, "at"> {
  const meaning = event.eventType === 0x6f ? meanings[event.sensorType]?.[event.offset] : undefined;
  if (!meaning) {
    const parts = [event.sensorType, event.sensor, event.eventType].map((byte) => byte.toString(16).padStart(2, "0"));
    const edge = event.deasserted ? "deasserted" : "asserted";
    return {
      severity: "unknown",
      message: `sensor type ${parts[0]} number ${parts[1]} event ${parts[2]} ${edge}: ${Buffer.from(data).toString("hex")}`,
    };
  }
  const [text, severity, power, powerWhenOver] = meaning;
  if (event.deasserted) return { severity: "ok", message: `${text}: over`, ...(powerWhenOver && { power: powerWhenOver }) };
  return { severity, message: text, ...(power && { power }) };
}
