import { canonical } from "./json.ts";
import { createRecords } from "./records.ts";
import { type EventStore, encodeToken } from "./store.ts";

export type HoldScope = "machine" | "pool" | "rack" | "all";
export type Trust = "observe" | "ask" | "auto";

/** A person's "hands off". */
export interface Hold {
  readonly scope: HoldScope;
  readonly name: string;
  readonly reason: string;
  readonly by: string;
  readonly since: string;
  readonly until?: string;
}

/** A hold that a person wrote on a machine's Node, as it was last seen. */
export interface NodeHold {
  readonly reason: string;
  /** As the person wrote it. */
  readonly until?: string;
}

/** A person's word that a machine is off. */
export interface Attestation {
  readonly by: string;
  readonly reason: string;
  readonly since: string;
  /** ISO 8601. */
  readonly until: string;
}

/** A drill that a machine has passed, and what it was then. */
export interface Drill {
  /** ISO 8601. */
  readonly at: string;
  readonly run: string;
  /** From the request to off, and from on to Ready with its GPUs. */
  readonly offMs: number;
  readonly bootMs: number;
  readonly gpus: number;
  /** What must be the same for it to count: who the machine is, its BMC's firmware and address. */
  readonly hardware: Readonly<Record<string, string>>;
}

/** What people told the fleet: the freeze, holds, trust given, and what they saw with their own eyes. */
export interface Settings {
  freeze(): Promise<{ readonly reason: string; readonly by: string; readonly since: string } | undefined>;
  setFreeze(freeze: { reason: string; by: string; since: string } | undefined): Promise<void>;
  /** Holds in force at `now` (milliseconds); expired ones are left out. */
  holds(now: number): Promise<Hold[]>;
  setHold(hold: Hold): Promise<void>;
  /** False when there was none. */
  dropHold(scope: HoldScope, name: string): Promise<boolean>;
  /** The hold on the machine's Node as it was last seen: for when the cluster cannot be asked. A release of the machine forgets it. */
  nodeHold(machine: string): Promise<NodeHold | undefined>;
  /** Replaces them all by what is seen now. */
  keepNodeHolds(holds: ReadonlyMap<string, NodeHold>): Promise<void>;
  dropNodeHold(machine: string): Promise<void>;
  /** Trust given by an operator, over the configuration's. */
  trust(scope: "machine" | "pool", name: string): Promise<Trust | undefined>;
  setTrust(scope: "machine" | "pool", name: string, trust: Trust, by: string): Promise<void>;
  /** Who says that the machine is off, if anybody does at `now` (milliseconds). */
  attestation(machine: string, now: number): Promise<Attestation | undefined>;
  setAttestation(machine: string, attestation: Attestation | undefined): Promise<void>;
  /** The last drill that the machine has passed. */
  drill(machine: string): Promise<Drill | undefined>;
  setDrill(machine: string, drill: Drill): Promise<void>;
}

export function createSettings(store: EventStore): Settings {
  const records = createRecords<unknown>(store.kv, "settings");
  const holdKey = (scope: HoldScope, name: string) => `hold.${scope}.${encodeToken(name)}`;
  const attestedKey = (machine: string) => `attested.${encodeToken(machine)}`;
  const drillKey = (machine: string) => `drill.${encodeToken(machine)}`;
  const nodeHolds = "node-hold.";
  const nodeHoldKey = (machine: string) => `${nodeHolds}${encodeToken(machine)}`;
  const trustKey = (scope: string, name: string) => `trust.${scope}.${encodeToken(name)}`;
  return {
    freeze: async () => (await records.get("freeze"))?.value as Awaited<ReturnType<Settings["freeze"]>>,
    async setFreeze(freeze) {
      await records.change("freeze", () => freeze ?? null);
    },
    async holds(now) {
      const all = await records.all();
      const holds = all.filter((record) => record.key.startsWith("hold.")).map((record) => record.value as Hold);
      return holds.filter((hold) => hold.until === undefined || Date.parse(hold.until) > now);
    },
    async setHold(hold) {
      await records.change(holdKey(hold.scope, hold.name), () => hold);
    },
    async dropHold(scope, name) {
      const there = await records.get(holdKey(scope, name));
      await records.change(holdKey(scope, name), () => null);
      return there !== undefined;
    },
    nodeHold: async (machine) => (await records.get(nodeHoldKey(machine)))?.value as NodeHold | undefined,
    async keepNodeHolds(holds) {
      const wanted = new Map([...holds].map(([machine, hold]) => [nodeHoldKey(machine), hold]));
      const known = new Map((await records.all()).filter(({ key }) => key.startsWith(nodeHolds)).map(({ key, value }) => [key, value]));
      for (const key of known.keys()) if (!wanted.has(key)) await records.change(key, () => null);
      for (const [key, hold] of wanted) {
        if (canonical(known.get(key) ?? null) !== canonical(hold)) await records.change(key, () => hold);
      }
    },
    async dropNodeHold(machine) {
      await records.change(nodeHoldKey(machine), () => null);
    },
    trust: async (scope, name) => ((await records.get(trustKey(scope, name)))?.value as { trust: Trust } | undefined)?.trust,
    async setTrust(scope, name, trust, by) {
      await records.change(trustKey(scope, name), () => ({ trust, by }));
    },
    async attestation(machine, now) {
      const found = (await records.get(attestedKey(machine)))?.value as Attestation | undefined;
      return found && Date.parse(found.until) > now ? found : undefined;
    },
    async setAttestation(machine, attestation) {
      await records.change(attestedKey(machine), () => attestation ?? null);
    },
    drill: async (machine) => (await records.get(drillKey(machine)))?.value as Drill | undefined,
    async setDrill(machine, drill) {
      await records.change(drillKey(machine), () => drill);
    },
  };
}
