import { overrideOf, planBoot } from "#adapters/power/redfish/boot.ts";
import { pathOf } from "#adapters/power/redfish/fields.ts";
import { contradiction, identityOf } from "#adapters/power/redfish/identity.ts";
import { entryOf } from "#adapters/power/redfish/log.ts";
import { quirksFor } from "#adapters/power/redfish/oem/quirks.ts";
import { statusOf } from "#adapters/power/redfish/readings.ts";
import { notesOf, summarize } from "#adapters/power/redfish/reply.ts";
import { systemClock, UnsupportedError } from "#events";
import { createHost } from "#test/lab/host.ts";
import { personalities } from "#test/lab/redfish-personalities.ts";
import { documents } from "#test/lab/redfish-resources.ts";
import { type Dice, mutateJson } from "./mutate.ts";

type Body = Readonly<Record<string, unknown>>;

/** Every resource of every personality, as its BMC would send it. */
const bodies: readonly Body[] = Object.values(personalities).flatMap((personality) => {
  const host = createHost({ name: "m1", clock: systemClock });
  return [
    ...documents(host, personality, {
      lit: false,
      ejected: undefined,
      tasks: new Map(),
      sessions: new Map(),
      account: { user: "lab", role: "Operator" as const },
    }).values(),
  ];
});

/** One mutated body through everything that reads Redfish. Throws for what must never be. */
export function fuzzRedfish(dice: Dice): void {
  const changed = mutateJson(bodies[dice(bodies.length)] ?? {}, dice);
  try {
    readBody(changed, bodies[dice(bodies.length)] ?? {});
  } catch (error) {
    throw new Error(`the body ${JSON.stringify(changed)}: ${String(error)}`, { cause: error });
  }
}

function readBody(body: unknown, other: Body): void {
  notesOf(body);
  if (summarize(200, body, "secret").length > 300) throw new Error("a summary of more than 300 characters");
  const path = pathOf(body);
  if (path !== undefined && !path.startsWith("/")) throw new Error(`the path ${path} leads elsewhere`);
  if (typeof body !== "object" || body === null || Array.isArray(body)) return;
  const system = body as Body;
  const { state, raw } = statusOf(system);
  if (state !== (raw === "On" ? "on" : raw === "Off" ? "off" : "unknown")) throw new Error(`${raw} reads as ${state}`);
  overrideOf(system);
  for (const uuid of identityOf(system, other).uuids) if (!/^[0-9a-f-]{36}$/.test(uuid)) throw new Error(`${uuid} is no uuid`);
  contradiction(system, { uuid: "4c4c4544-0043-3010-8052-b4c04f564231", serial: "y" });
  entryOf(system);
  const quirks = quirksFor(Object.keys(system));
  try {
    planBoot({ machine: "m1", system, settings: other, target: "pxe", quirks });
  } catch (error) {
    if (!(error instanceof UnsupportedError)) throw error;
  }
}
