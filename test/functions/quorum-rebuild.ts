import { type Act, type ActVerb, type Permit, rebuildRequested, TerminalError } from "#events";
import { defineFunction } from "#functions/define.ts";

type Probe = () => Promise<boolean>;

/** What a rebuild does to etcd: the member leaves, its system is wiped, it comes back from maintenance, and it has joined before it is over. */
export const rebuild = defineFunction(
  {
    id: "rebuild-like",
    on: rebuildRequested,
    uses: ["talos", "configs"],
    acts: ["etcd-remove-member", "os-reset", "configure"],
    timeout: "2h",
  },
  async ({ event, step, ports }) => {
    const { machine } = event.data;
    const os = ports.talos.of(machine);
    const is = async (what: "maintenance" | "ours") => (await os.presence()).is === what;
    const act = (verb: ActVerb, happened: Probe, perform: (permit: Permit) => Promise<unknown>): Act => ({
      ...{ machine, verb, settle: "60s", undo: "nothing" },
      observe: async () => ((await happened()) ? { is: "done", seen: "it has happened" } : { is: "not-done", seen: "it has not happened" }),
      perform: async (permit) => String(await perform(permit)),
    });
    const until = async (what: string, probe: Probe) => {
      if (!(await step.until(what, probe, { every: "5s", within: "5m" }))) throw new TerminalError(`${machine}: not in time: ${what}`);
    };
    const gone = async () => !(await os.etcd.running());
    const leave = act("etcd-remove-member", gone, (permit) => os.etcd.leave(permit));
    await step.act("leave etcd", leave);
    const wipe = { graceful: false, reboot: true, wipe: { what: "partitions", labels: ["STATE", "EPHEMERAL"] } } as const;
    const reset = act(
      "os-reset",
      async () => !(await is("ours")),
      (permit) => os.reset(permit, wipe),
    );
    await step.act("wipe", reset);
    await until("it waits in maintenance", () => is("maintenance"));
    const { text } = await ports.configs.render(machine);
    const configure = act(
      "configure",
      () => is("ours"),
      (permit) => os.maintenance.applyConfiguration(permit, text),
    );
    await step.act("configure", configure);
    await until("it has joined etcd", async () => (await os.etcd.status()).learner === false);
  },
);
