import { type ActOutcome, LightsoutError, type Step } from "#events";
import type { Ports } from "../define.ts";
import { forfeitLeadership } from "./leadership.ts";
import { forceOff, gracefulOff } from "./power.ts";
import { shutdownOs } from "./talos.ts";

type Switching = Pick<Ports, "inventory" | "power" | "talos">;

/**
 * Switches a machine off that was taken out of service: by cutting its power where that was asked for, else by its operating system, which is
 * asked over its own Talos API where that answers as ours, and over the BMC where it does not.
 */
export async function switchOff(machine: string, hard: boolean, step: Step, ports: Switching): Promise<ActOutcome> {
  await forfeitLeadership(machine, step, ports);
  if (hard) return await step.act("power off", forceOff(machine, ports));
  const asked = await step.run("who can ask it to shut down", (signal) => wayOf(machine, ports, signal), { reads: true });
  return await step.act("power off", asked === "Talos" ? shutdownOs(machine, ports) : gracefulOff(machine, ports));
}

/** What an operator of Talos may do. */
const roles = ["os:admin", "os:operator"];

async function wayOf(machine: string, { talos }: Switching, signal: AbortSignal): Promise<"Talos" | "BMC"> {
  try {
    if (!talos.credential().roles.some((role) => roles.includes(role))) return "BMC";
    return (await talos.of(machine).presence(signal)).is === "ours" ? "Talos" : "BMC";
  } catch (error) {
    // Talos is not configured, or no address of this machine is known.
    if (error instanceof LightsoutError) return "BMC";
    throw error;
  }
}
