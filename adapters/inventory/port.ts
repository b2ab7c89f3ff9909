import type { Duration } from "#events";

/** The machines we know, from `lightsout.yaml`. Read-only; a reload replaces the whole. */
export interface Inventory {
  readonly site: string;
  machines(): readonly Machine[];
  /** Throws `LO_UNKNOWN_MACHINE` naming the nearest known names. */
  machine(name: string): Machine;
  has(name: string): boolean;
  /** The machine whose Kubernetes Node has this name. */
  byNode(node: string): Machine | undefined;
  /** How long a lost machine is given to come back by itself. */
  patience(name: string): Duration;
}

export type Role = "worker" | "control-plane";
export type Trust = "observe" | "ask" | "auto";

export interface Machine {
  readonly name: string;
  /** SMBIOS uuid, lower case with dashes. */
  readonly uuid?: string;
  readonly serial?: string;
  readonly macs: readonly string[];
  readonly role: Role;
  readonly pool: string;
  /** Failure domains it shares with others: switch, PDU. The storm guard counts them. */
  readonly domains: readonly string[];
  readonly rack?: string;
  /** Absent for a machine without out-of-band control: what cannot be proven is said, not guessed. */
  readonly bmc?: { readonly kind: string; readonly address: string; readonly port?: number };
  /** Kubernetes Node name. */
  readonly node: string;
  /** Address of the Talos API and the kubelet, if given. */
  readonly address?: string;
  readonly gpus: number;
  /** Expected time from power on to Ready. */
  readonly bootTime: Duration;
  readonly trust: Trust;
  /** May be wiped without asking. */
  readonly disposable: boolean;
  /** Irreplaceable by declaration: disruptive acts ask. */
  readonly pet: boolean;
  /** Carries the event store or this process: never powered unless told by name. */
  readonly carriesLightsout: boolean;
  /** What to do when it is found off without our intent: `ask` (default), or `power-on` after a proven power loss. */
  readonly foundOff: "ask" | "power-on";
}
