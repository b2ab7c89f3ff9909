import { upgradeRequested } from "#events";
import { defineFunction } from "./define.ts";
import { forfeitLeadership } from "./fragments/leadership.ts";
import { empty, uncordon } from "./fragments/service.ts";
import { installSystem, reboot, runningNow } from "./fragments/talos.ts";
import { demandServing, demandUpgradable, demandUpgraded, isThere, targetOf, waitForOutcome } from "./fragments/upgraded.ts";
import { restartsByItself } from "./guards/upgrade-path.ts";

/** Bring one machine to a version of Talos: drained, installed beside what runs, restarted, and proven by what runs then. */
export default defineFunction(
  {
    id: "upgrade",
    on: upgradeRequested,
    uses: ["inventory", "cluster", "talos", "configs", "history", "policy", "power", "storage"],
    acts: ["cordon", "upgrade", "os-reboot"],
    aim: "on",
    timeout: "4h",
  },
  async ({ event, step, ports }) => {
    const { machine, cold, confirm } = event.data;
    const target = targetOf(machine, event.data.version, ports);
    const before = await step.run("what it runs", (signal) => runningNow(machine, ports, signal), { reads: true });
    if (isThere(before, target)) return;
    const wish = { target, again: confirm === machine };
    await step.run("see that it may go there", (signal) => demandUpgradable(machine, before, wish, ports, signal), {
      reads: true,
    });
    const pull = (signal: AbortSignal) => ports.talos.of(machine).pullImage(target.image, signal);
    const image = await step.run("pull the installer", pull, { timeout: "16m", planned: target.image });

    await empty(machine, step, ports);
    await forfeitLeadership(machine, step, ports);
    await step.act("install beside what runs", installSystem(machine, image, before, ports), { attempts: 1 });
    if (!restartsByItself(before.version)) {
      await step.act("restart", reboot(machine, before.bootId, cold ? "power-cycle" : "default", ports));
    }

    const outcome = await waitForOutcome(machine, before, target, step, ports);
    if (outcome.is === "upgraded" || outcome.is === "rolled-back") {
      await demandServing(machine, step, ports);
      await uncordon(machine, step, ports);
    }
    await demandUpgraded(machine, outcome, target, step);
  },
);
