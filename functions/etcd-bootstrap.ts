import { type Act, DeviceError, etcdBootstrapRequested, type Observation, type Step } from "#events";
import { defineFunction, type Ports } from "./define.ts";
import { etcdAnywhere } from "./fragments/etcd.ts";
import { memberHealthy } from "./fragments/joined.ts";

type Starting = Pick<Ports, "inventory" | "power" | "talos" | "snapshots">;

/** Start etcd on its first member: never where it lives already, and never a second time. */
export default defineFunction(
  {
    id: "etcd-bootstrap",
    on: etcdBootstrapRequested,
    uses: ["inventory", "power", "talos", "snapshots"],
    acts: ["bootstrap"],
    timeout: "2h",
  },
  async ({ event, step, ports }) => {
    const { machine, snapshot } = event.data;
    // Where it has data, etcd starts by itself: after a start of the machine that takes a while.
    await step.sleep("give etcd the time to start where it lives", "2m");
    if (snapshot !== undefined) await handOver(machine, snapshot, step, ports);
    await step.act("start etcd", startEtcd(machine, snapshot !== undefined, ports), { attempts: 60 });
    await memberHealthy(machine, step, ports);
  },
);

async function handOver(machine: string, snapshot: string, step: Step, ports: Starting): Promise<void> {
  const give = (signal: AbortSignal) => ports.talos.of(machine).etcd.upload(ports.snapshots.read(snapshot, signal), signal);
  await step.run("hand the snapshot over", give, { timeout: "30m" });
}

/** How long the last look before it begins may take. */
const lookMs = 2000;

/**
 * An acknowledged start takes as long as etcd's image needs to come. That it does not show says nothing: it is never asked for again, and a
 * person looks.
 */
function startEtcd(machine: string, recover: boolean, ports: Starting): Act {
  const look = async (signal: AbortSignal, none: Observation["is"]): Promise<Observation> => {
    const { is, why } = await etcdAnywhere(ports, signal);
    return { is: is === "somewhere" ? "done" : is === "nowhere" ? none : "cannot-tell", seen: why };
  };
  // Talos refuses while it is not ready, and nothing has begun then: a moment later it is asked again.
  let pause = 0;
  return {
    machine,
    verb: "bootstrap",
    before: async (signal) => (pause-- > 0 ? { is: "cannot-tell", seen: "it was not ready" } : look(signal, "not-done")),
    observe: (signal) => look(signal, "cannot-tell"),
    async perform(permit) {
      pause = 2;
      // Looked at again now that no other run can begin it: another one may have, between this one's look and its right to begin. Who began
      // it answers at once; a machine that is off keeps whoever asks it waiting for longer than the gate is open.
      const now = await etcdAnywhere(ports, AbortSignal.any([permit.signal, AbortSignal.timeout(lookMs)]));
      const about = { target: machine, operation: "bootstrap", effect: "none" } as const;
      if (now.is === "somewhere") throw new DeviceError("LO_TALOS_REFUSED", about, now.why);
      return (await ports.talos.of(machine).bootstrap(permit, { recover })).answer;
    },
    settle: "15m",
    every: "5s",
    patient: true,
    undo: `talosctl -n ${machine} reset --graceful=false --reboot --system-labels-to-wipe=EPHEMERAL`,
  };
}
