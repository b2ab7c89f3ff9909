import { type DescMessage, fromBinary, type MessageShape } from "@bufbuild/protobuf";
import type { MachineStage, TalosEvent, TalosFact } from "../port.ts";
import { whole } from "./answer.ts";
import type { Client } from "./client.ts";
import { Code } from "./gen/common_pb.ts";
import * as wire from "./gen/events_pb.ts";
import { type Event, MachineService } from "./gen/machine_pb.ts";

const lower = (names: Readonly<Record<string, number>>, value: number) =>
  (Object.entries(names).find(([, number]) => number === value)?.[0] ?? "unknown").toLowerCase();

const startStop = (action: number) => (action === 0 ? ("start" as const) : ("stop" as const));

/** Linux's reboot commands, signed or unsigned. */
const restarts: Readonly<Record<string, "restart" | "kexec" | "power-off" | "halt">> = {
  19088743: "restart",
  1163412803: "kexec",
  1126301404: "power-off",
  3454992675: "halt",
  "-839974621": "halt",
};

/** How to read one type of event. A message that cannot be read is told by its type alone. */
const reader =
  <D extends DescMessage>(schema: D, tell: (message: MessageShape<D>) => TalosFact) =>
  (value: Uint8Array): TalosFact =>
    tell(fromBinary(schema, value));

const readers: Readonly<Record<string, (value: Uint8Array) => TalosFact>> = {
  "machine.SequenceEvent": reader(wire.SequenceEventSchema, ({ sequence, action, error }) => ({
    kind: "sequence",
    sequence,
    action: (["noop", "start", "stop"] as const)[action] ?? "noop",
    ...(error
      ? {
          error: {
            code: ({ [Code.LOCKED]: "locked", [Code.CANCELED]: "canceled" } as const)[error.code as 1 | 2] ?? "fatal",
            message: error.message,
          },
        }
      : {}),
  })),
  "machine.PhaseEvent": reader(wire.PhaseEventSchema, ({ phase, action }) => ({ kind: "phase", phase, action: startStop(action) })),
  "machine.TaskEvent": reader(wire.TaskEventSchema, ({ task, action }) => ({ kind: "task", task, action: startStop(action) })),
  "machine.ServiceStateEvent": reader(wire.ServiceStateEventSchema, ({ service, action, message }) => ({
    kind: "service",
    service,
    state: lower(wire.ServiceStateEvent_Action, action),
    message,
  })),
  "machine.RestartEvent": reader(wire.RestartEventSchema, ({ cmd }) => ({ kind: "restart", how: restarts[String(cmd)] ?? "other" })),
  "machine.ConfigLoadErrorEvent": reader(wire.ConfigLoadErrorEventSchema, ({ error }) => ({ kind: "config-error", message: error })),
  "machine.ConfigValidationErrorEvent": reader(wire.ConfigValidationErrorEventSchema, ({ error }) => ({
    kind: "config-error",
    message: error,
  })),
  "machine.AddressEvent": reader(wire.AddressEventSchema, ({ hostname, addresses }) => ({ kind: "addresses", hostname, addresses })),
  "machine.MachineStatusEvent": reader(wire.MachineStatusEventSchema, ({ stage, status }) => ({
    kind: "status",
    status: {
      stage: lower(wire.MachineStatusEvent_MachineStage, stage).replace("_", "-") as MachineStage,
      ready: status?.ready ?? false,
      unmet: (status?.unmetConditions ?? []).map(({ name, reason }) => ({ name, reason })),
    },
  })),
};

/** An event as it came from the wire. Takes anything; what it does not know it names by its type. */
export function readEvent({ id, actorId, data }: Pick<Event, "id" | "actorId" | "data">): TalosEvent {
  // `talos/runtime/machine.SequenceEvent` here, `type.googleapis.com/…` where Talos pushes: the name after the last slash is the same.
  const type = (data?.typeUrl ?? "").replace(/^.*\//s, "");
  return { id, ...(actorId ? { actor: actorId } : {}), fact: factOf(type, data?.value ?? new Uint8Array()) };
}

function factOf(type: string, value: Uint8Array): TalosFact {
  try {
    if (Object.hasOwn(readers, type)) return readers[type]?.(value) ?? { kind: "other", type };
  } catch {
    // Told by its type below: one unreadable event must not end the stream.
  }
  return { kind: "other", type };
}

/** The stream of events, without the empty one that greets. */
export async function* readEvents(
  client: Client,
  options: { readonly actor?: string; readonly from?: "new" | "all" | { readonly after: string } },
  signal: AbortSignal | undefined,
): AsyncGenerator<TalosEvent, void, undefined> {
  const { actor = "", from = "new" } = options;
  const request = {
    withActorId: actor,
    ...(from === "all" ? { tailEvents: -1 } : from === "new" ? {} : { tailId: from.after }),
  };
  const call = { operation: "events", lasting: "greets" as const, signal };
  for await (const event of client.listen(MachineService, call, (calls, opts) => calls.events(request, opts))) {
    if (whole(event).data?.typeUrl) yield readEvent(event);
  }
}
