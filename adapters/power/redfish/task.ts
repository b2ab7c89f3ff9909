import { type Clock, DeviceError, explain } from "#events";
import { type Client, retryAfter } from "./client.ts";
import { pathOf, text } from "./fields.ts";
import type { Reply } from "./reply.ts";

/** How often a task monitor is asked at most. */
const mostPolls = 60;

/**
 * Follows an accepted request to the end of its task (202 and Location, DSP0266 12.2) and tells what came of it. A task that failed is
 * a `DeviceError` with effect unknown; one that could not be followed to its end is still an accepted request.
 */
export async function follow(
  reply: Reply,
  about: { machine: string; operation: string; client: Client; clock: Clock; signal: AbortSignal },
): Promise<string> {
  const { machine, operation, client, clock, signal } = about;
  const monitor = pathOf(reply.header("location"));
  if (reply.status !== 202 || monitor === undefined) return reply.summary;
  let last = reply;
  try {
    for (let poll = 0; poll < mostPolls && isRunning(last); poll += 1) {
      await clock.sleep(retryAfter(last, clock) ?? 2000, signal);
      last = await client.poll(monitor, signal);
    }
  } catch (error) {
    return `${reply.summary}; its task could not be followed: ${explain(error)}`;
  }
  const state = text(last.body, "TaskState");
  if (["Exception", "Killed", "Cancelled"].includes(state ?? "")) {
    throw new DeviceError("LO_BMC_REFUSED", { target: machine, operation, effect: "unknown" }, `accepted, but its task ended ${state}`, {
      hint: "Read the machine's power state and the BMC's log before trying again",
    });
  }
  return `${reply.summary}; task ${state ?? last.status}`;
}

function isRunning(reply: Reply): boolean {
  const state = text(reply.body, "TaskState");
  return reply.status === 202 || ["New", "Starting", "Running", "Pending", "Stopping", "Service"].includes(state ?? "");
}
