import type { InitMachine } from "#adapters/cli/mod.ts";
import { isPlaceholderSerial, isPlaceholderUuid } from "#events";
import type { WrittenEntry } from "./file.ts";
import type { Met, WrittenBmc } from "./meet.ts";

/** A machine for the file, and for the person who asked. */
export interface Entered {
  readonly entry: WrittenEntry;
  readonly machine: InitMachine;
}

/** A machine with Intel AMT, which is recognised and not driven. */
export function notDriven(address: string, server: string, name: string): Entered {
  const note = `${server} is not driven yet: the machine is watched, cordoned and drained, and a person is asked for its power; give its uuid or serial by hand`;
  return {
    entry: { name, comment: `${server} at ${address}: not driven yet. Give the machine's uuid or serial`, keys: { bmc: { kind: "none" } } },
    machine: { name, kind: "none", address, macs: [], notes: [note] },
  };
}

/** A machine as its BMC tells it: what identifies nothing is not written. */
export function known(name: string, bmc: WrittenBmc, { about, identity, state }: Met): Entered {
  const { firmware, manufacturer, model, serial: told, uuids } = identity;
  const uuid = uuids.find((one) => !isPlaceholderUuid(one));
  const serial = told !== undefined && !isPlaceholderSerial(told) ? told : undefined;
  const notes = [
    ...(uuid === undefined
      ? [
          `its uuid (${uuids[0] ?? "none"}) is a maker's placeholder: it cannot be told by it${serial === undefined ? "" : "; its serial is used"}`,
        ]
      : []),
    ...(uuid === undefined && serial === undefined
      ? ["nothing identifies it: acts on it are refused until uuid or serial are set at the BMC"]
      : []),
    ...(about.account?.may === "too-little" ? [`${bmc.user} is ${about.account.role}, which may not switch power`] : []),
  ];
  const { macs } = about;
  const box = [manufacturer, model].filter(Boolean).join(" ") || "A machine";
  const keys = { ...(uuid !== undefined && { uuid }), ...(serial !== undefined && { serial }), ...(macs.length > 0 && { macs }), bmc };
  return {
    entry: { name, comment: `${box}${firmware === undefined ? "" : `, BMC firmware ${firmware}`}`.replace(/\s+/g, " "), keys },
    machine: {
      name,
      kind: bmc.kind,
      address: bmc.address,
      ...(bmc.tls && { fingerprint: bmc.tls.pin }),
      ...(uuid !== undefined && { uuid }),
      ...(serial !== undefined && { serial }),
      ...(manufacturer !== undefined && { manufacturer }),
      ...(model !== undefined && { model }),
      power: state.raw,
      macs,
      notes,
    },
  };
}
