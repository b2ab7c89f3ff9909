import { z } from "zod";
import type { EventDefinition, FunctionSpec } from "#events";
import { type Act, type ActVerb, admit, DeviceError, defineEvent, type Guard, type Observation, type Permit, type Step } from "#events";
import type { FakeClock } from "#events/testing/mod.ts";

/** One box with a button, as the runtime's own tests need it: a device that may be slow, lie, lose answers or be silent. */
export interface Box {
  state: "on" | "off";
  /** How often the device carried something out. */
  readonly did: { on: number; off: number };
  /** Times at which a write reached the device. */
  readonly writes: { verb: ActVerb; at: number; run: string }[];
  readonly port: {
    look(): Promise<"on" | "off">;
    press(permit: Permit): Promise<string>;
  };
}

export interface BoxFaults {
  /** Milliseconds until a request has an effect. Default 1 s. */
  latencyMs?: number;
  /** The request is carried out, its answer lost. */
  losesAnswers?: boolean;
  /** The request is accepted and nothing happens, this many times. */
  ignores?: number;
  /** The state cannot be read while this is true. */
  silent?: () => boolean;
  /** Nothing reaches the device, this many times. */
  unreachable?: number;
}

export function createBox(clock: FakeClock, faults: BoxFaults = {}): Box {
  let ignores = faults.ignores ?? 0;
  let unreachable = faults.unreachable ?? 0;
  const box: Box = {
    state: "on",
    did: { on: 0, off: 0 },
    writes: [],
    port: {
      async look() {
        if (faults.silent?.())
          throw new DeviceError("LO_BMC_TIMEOUT", { target: "box", operation: "state", effect: "none" }, "no answer in 3 s");
        return box.state;
      },
      async press(permit) {
        admit(permit, "box", "power-on", "force-off");
        if (unreachable-- > 0) {
          throw new DeviceError("LO_BMC_UNREACHABLE", { target: "box", operation: permit.verb, effect: "none" }, "connection refused");
        }
        permit.gate();
        const to = permit.verb === "power-on" ? "on" : "off";
        box.writes.push({ verb: permit.verb, at: clock.mono(), run: permit.run });
        if (ignores-- <= 0) {
          void clock.sleep(faults.latencyMs ?? 1000).then(() => {
            box.state = to;
            box.did[to] += 1;
          });
        }
        if (faults.losesAnswers) {
          throw new DeviceError(
            "LO_BMC_TIMEOUT",
            { target: "box", operation: permit.verb, effect: "unknown" },
            "no answer after the request was sent",
          );
        }
        return "204";
      },
    },
  };
  return box;
}

export const pressed = defineEvent("box-pressed", {
  origin: "external",
  schema: z.object({ machine: z.string() }),
  key: (data) => data.machine,
});
export const nudged = defineEvent("box-nudged", {
  origin: "external",
  schema: z.object({ machine: z.string(), n: z.number().default(0) }),
  key: (data) => data.machine,
});

export interface ToyPorts {
  readonly box: Box["port"];
}

export function toyFunction(
  handler: (context: { step: Step; ports: ToyPorts; event: { data: { machine: string } } }) => Promise<void>,
  options: Partial<FunctionSpec> = {},
): FunctionSpec {
  return {
    id: "toy",
    on: pressed as unknown as EventDefinition,
    uses: ["box"],
    acts: ["power-on", "force-off"],
    aim: undefined,
    recovery: false,
    keeps: [],
    cancelOn: undefined,
    timeout: "1h",
    limit: undefined,
    handler: handler as unknown as FunctionSpec["handler"],
    ...options,
  };
}

/** An act on the box with the smallest settle the runtime allows. */
export function turn(box: Box["port"], to: "on" | "off", options: Partial<Act> = {}): Act {
  const observe = async (): Promise<Observation> => {
    const state = await box.look();
    return { is: state === to ? "done" : "not-done", seen: state };
  };
  return {
    machine: "box",
    verb: to === "on" ? "power-on" : "force-off",
    observe,
    perform: (permit) => box.press(permit),
    timeout: "5s",
    latency: "5s",
    settle: "15s",
    undo: `turn the box ${to === "on" ? "off" : "on"} by hand`,
    ...options,
  };
}

/** Off, then on: the smallest power cycle. */
export const cycle = toyFunction(async ({ step, ports }) => {
  await step.act("off", turn(ports.box, "off"));
  await step.act("on", turn(ports.box, "on"));
});

/** A guard that answers what it is told. */
export const says = (name: string, verdict: () => ReturnType<Guard["check"]>): Guard => ({ name, check: verdict });
