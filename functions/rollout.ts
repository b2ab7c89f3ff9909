import { rolloutRequested, type Step, TerminalError, upgradeRequested } from "#events";
import { defineFunction, type Ports } from "./define.ts";
import { handOut } from "./fragments/hand-out.ts";
import { type Place, planRollout } from "./fragments/rollout-plan.ts";
import { runningNow } from "./fragments/talos.ts";

/** Upgrade a pool, or all: one machine after the other, a canary of each hardware profile first, and not one more after a failure. */
export default defineFunction(
  { id: "rollout", on: rolloutRequested, uses: ["inventory", "configs", "talos", "storage", "policy", "errands"], timeout: "72h" },
  async ({ event, step, ports }) => {
    const { pool, version } = event.data;
    const plan = await step.run("plan it", () => planRollout(pool, version, ports), { reads: true });
    const ask = `Upgrade ${plan.order.length} machines, one at a time: ${plan.order.map(({ machine }) => machine).join(", ")}?`;
    await step.approve("agree", { ask, plan, within: "24h" });

    const done: string[] = [];
    for (const [index, place] of plan.order.entries()) {
      const { machine } = place;
      const rest = plan.order.slice(index).map((one) => one.machine);
      const stop = (why: string, hint: string) => stopped(done, rest, why, hint);
      await storageAllows(machine, stop, step, ports);
      const errand = { name: `upgrade ${machine}`, event: upgradeRequested, within: "12h" } as const;
      const data = { machine, version: place.version, cold: place.canary };
      const { run, status, reason } = await handOut({ ...errand, data }, step, ports);
      if (status !== "ok") throw stop(`${machine}: ${reason}`, `lightsout show ${run}`);
      if (place.canary) await soak(place, stop, step, ports);
      done.push(machine);
    }
  },
);

type Stop = (why: string, hint: string) => TerminalError;

/** Storage must be healthy again before the next machine goes. It is waited for, and no answer is none. */
async function storageAllows(machine: string, stop: Stop, step: Step, ports: Pick<Ports, "storage">): Promise<void> {
  const healthy = async (signal: AbortSignal) => (await ports.storage.health(signal)).healthy;
  if (await step.until(`storage can do without ${machine}`, healthy, { every: "30s", within: "4h" })) return;
  const why = await step.run(`why ${machine} has to wait`, async (signal) => (await ports.storage.health(signal)).why, { reads: true });
  throw stop(`storage is not healthy: ${why}`, "Start the rollout again when it is: what is done already is passed over");
}

/** A canary must still run what it was given after a while. */
async function soak({ machine, version }: Place, stop: Stop, step: Step, ports: Pick<Ports, "talos" | "policy">): Promise<void> {
  await step.sleep(`let ${machine} soak`, ports.policy.upgrade.soak);
  const now = await step.run(`see how ${machine} is`, (signal) => runningNow(machine, ports, signal), { reads: true });
  if (now.version === version && now.stage === "running" && now.ready) return;
  throw stop(`the canary ${machine} runs ${now.version}, ${now.stage}${now.ready ? "" : ", not ready"}`, `talosctl -n ${machine} health`);
}

const stopped = (done: readonly string[], rest: readonly string[], why: string, hint: string) =>
  new TerminalError(`stopped: ${why}. Done: ${done.join(", ") || "none"}. Not done: ${rest.join(", ")}`, { hint });
