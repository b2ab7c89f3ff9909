import { componentUpgradeRequested } from "#events";
import { defineFunction } from "./define.ts";
import { demandNotNewer, proveComponent, withVersion } from "./fragments/component.ts";

/** Bring one part of Kubernetes on one machine to a version: by its configuration, without a reboot, and proven by what runs then. */
export default defineFunction(
  {
    id: "component-upgrade",
    on: componentUpgradeRequested,
    uses: ["inventory", "cluster", "talos", "configs"],
    acts: ["apply-config"],
    timeout: "1h",
  },
  async ({ event, step, ports }) => {
    const { component, machine, version } = event.data;
    await step.run("see that its Talos answers", async (signal) => (await ports.talos.of(machine).version(signal)).tag, { reads: true });
    await step.run("see that it gets no newer than the API server", (signal) => demandNotNewer(component, version, ports, signal), {
      reads: true,
    });
    await step.act("name the version in its configuration", withVersion(machine, component, version, ports));
    await proveComponent(machine, component, version, step, ports);
  },
);
