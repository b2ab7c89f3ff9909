import {
  type ActIntent,
  type ActVerb,
  askGuards,
  type EventDefinition,
  type FunctionSpec,
  type Guard,
  nodeLost,
  powerOffRequested,
  powerOnRequested,
  previews,
  type Verdict,
} from "#events";

/** What a person wants to know of beforehand: that Lightsout brings it back by itself, and that they have it switched. */
export type Prospect = "recovery" | "off" | "on";

/** What a guard would say against it now. */
export interface Objection {
  readonly against: readonly Prospect[];
  readonly guard: string;
  readonly says: Exclude<Verdict["says"], "allow">;
  readonly reason: string;
}

interface Case {
  readonly prospect: Prospect;
  readonly on: EventDefinition;
  readonly verb: ActVerb;
  /** Asked for by a person. */
  readonly person: boolean;
}

const cases: readonly Case[] = [
  { prospect: "recovery", on: nodeLost as unknown as EventDefinition, verb: "force-off", person: false },
  { prospect: "off", on: powerOffRequested as unknown as EventDefinition, verb: "power-off", person: true },
  { prospect: "on", on: powerOnRequested as unknown as EventDefinition, verb: "power-on", person: true },
];

/** Whether it is lost can only be asked when it is: this one would object to every healthy machine. */
const later = ["lost"];

/** What stands against acting on a machine now, by the guards' own word. Nothing is reserved, recorded or sent. */
export async function objections(
  machine: string,
  { guards, specs }: { readonly guards: readonly Guard[]; readonly specs: readonly FunctionSpec[] },
): Promise<Objection[]> {
  const asked = previews(guards).filter(({ name }) => !later.includes(name));
  const found = new Map<string, Objection>();
  for (const one of cases) {
    const spec = specs.find(({ on, acts }) => on.type === one.on.type && acts.includes(one.verb));
    if (!spec) continue;
    for (const { guard, reason, says } of await askGuards(asked, intentOf(machine, one, spec))) {
      if (says === "allow") continue;
      const key = `${guard} ${says} ${reason}`;
      found.set(key, { against: [...(found.get(key)?.against ?? []), one.prospect], guard, says, reason });
    }
  }
  return [...found.values()];
}

const intentOf = (machine: string, { on, person, verb }: Case, spec: FunctionSpec): ActIntent => ({
  run: "outlook",
  function: spec,
  event: {
    specversion: "1.0",
    id: "outlook",
    source: "lightsout/outlook",
    type: on.type,
    subject: machine,
    datacontenttype: "application/json",
    lsversion: on.version,
    ...(person ? { lsactor: "a person" } : {}),
    data: { machine },
  },
  step: "outlook",
  machine,
  verb,
  first: true,
  approved: new Set(),
  observed: { is: "not-done", seen: "not looked at" },
  planned: true,
});
