import type { NodeView } from "#adapters/cluster/port.ts";
import type { Inventory } from "#adapters/inventory/port.ts";
import type { EtcdMember, TalosMachines } from "#adapters/os/port.ts";
import type { ActIntent, Guard, Reservations, Runs } from "#events";
import { controlPlanesOf } from "../fragments/etcd.ts";
import { type EtcdPicture, pictureOf } from "./etcd-picture.ts";
import { type Answer, allow, byOperator, disrupts, refuse, wait } from "./verdict.ts";

export interface QuorumAnswer {
  readonly safe: boolean;
  readonly why: string;
  /** Safe, but this machine leads: leadership is forfeited first. */
  readonly leads: boolean;
}

/**
 * Whether etcd keeps a healthy majority while the machine `self` is away. Every other voter must have started, answer without errors and
 * see the same leader, no alarm may be raised, and they must be more than half of all voters; learners do not count. Fails closed.
 * @param self the machine's etcd member name
 * @param consent a single-node control plane may go down: somebody said so of exactly this cluster
 */
export function judgeQuorum({ members, alarms, statuses }: EtcdPicture, self: string, { consent = false } = {}): QuorumAnswer {
  const no = (why: string): QuorumAnswer => ({ safe: false, why, leads: false });
  if (!members || members.length === 0) return no("no control plane tells who the etcd members are");
  if (!alarms) return no("no control plane tells whether etcd has alarms");
  const [alarm] = alarms;
  if (alarm) return no(`etcd has an alarm: ${alarm.alarm} of member ${nameOf(members, alarm.member)}`);

  const mine = members.filter(({ name }) => name === self);
  if (mine.length > 1) return no(`etcd has ${mine.length} members named ${self}`);
  const voters = members.filter(({ learner }) => !learner);
  const others = voters.filter(({ name }) => name !== self);
  const leaders = new Set<string>();
  for (const { id, name } of others) {
    if (name === "") return no(`etcd member ${id} has not started`);
    const told = statuses.filter(({ member }) => member === id);
    if (told.length === 0) return no(`etcd member ${name} does not answer`);
    for (const { errors, learner, leader } of told) {
      if (errors.length > 0) return no(`etcd member ${name} has errors: ${errors.join(", ")}`);
      if (learner) return no(`etcd member ${name} takes itself for a learner`);
      if (leader === undefined) return no(`etcd member ${name} knows no leader`);
      leaders.add(leader);
    }
  }
  if (leaders.size > 1) return no("etcd members see different leaders");

  const [me] = mine;
  if (others.length === 0) {
    if (!me || me.learner) return no(`${self} is no voter and nobody else is`);
    return consent
      ? { safe: true, why: "the only etcd member, by consent", leads: false }
      : no(`${self} is the only etcd member: without it there is no cluster`);
  }
  if (others.length * 2 <= voters.length)
    return no(`without ${self} ${others.length} of ${voters.length} etcd voters are left, which is no majority`);
  const why = `without ${self} ${others.length} of ${voters.length} etcd voters are left, all healthy`;
  return { safe: true, why, leads: me !== undefined && leaders.has(me.id) };
}

const nameOf = (members: readonly EtcdMember[], id: string): string => members.find((member) => member.id === id)?.name || id;

/** How long one control plane has to tell of etcd. */
const askMs = 5000;
/** The one right to take a control plane away, reserved by compare-and-set. */
const slot = "control-plane";

interface QuorumOptions {
  readonly inventory: Inventory;
  readonly talos: TalosMachines;
  readonly node: (machine: string) => Promise<NodeView | undefined>;
  readonly reservations: Reservations;
  readonly runs: Runs;
  readonly now: () => number;
}

/**
 * One control plane at a time, across all functions, and only while etcd keeps a healthy majority without it. A run takes the one slot first
 * and judges while it holds it, so that no two can judge by the same picture. It keeps the slot to its end, or until it is told to wait;
 * whoever finds it in the hands of a run that has ended frees it. No answer means no. The only control plane of a cluster goes down for an
 * operator who names it again.
 */
export function quorumGuard(options: QuorumOptions): Guard {
  const { inventory, reservations, runs, now } = options;

  const judged = async (intent: ActIntent): Promise<Answer> => {
    const { safe, why } = judgeQuorum(await pictureWithout(intent.machine, options), inventory.machine(intent.machine).node, {
      consent: byOperator(intent) !== undefined && (intent.event.data as { confirm?: string }).confirm === intent.machine,
    });
    if (safe) return allow(why);
    // A person who asked is told at once; what mends by itself, and what is under way already, waits.
    return intent.first && byOperator(intent) !== undefined ? refuse(`etcd could lose its majority: ${why}`) : wait(why);
  };

  return {
    name: "quorum",
    reserves: true,
    preview: async (intent) => (await exemption(intent, options)) ?? (await judged(intent)),
    async check(intent) {
      // etcd has no quorum before it has begun, and it begins once: two that look at once must not both see none.
      if (intent.verb === "bootstrap") return oneAtATime(await takeSlot(intent.run)) ?? allow("nobody else begins etcd");
      const exempt = await exemption(intent, options);
      if (exempt) return exempt;
      const held = oneAtATime(await takeSlot(intent.run));
      if (held) return held;
      // Who may not act holds nothing, or the one it waits for could not be brought back. Nothing of its own is under way then.
      const letGo = () => reservations.giveBack(slot, intent.run);
      const answer = await judged(intent).catch(async (error: unknown) => {
        await letGo();
        throw error;
      });
      if (answer.says !== "allow") await letGo();
      return answer;
    },
  };

  /** Takes the slot; answers who has it instead. */
  async function takeSlot(run: string): Promise<string | undefined> {
    for (const use of await reservations.uses(slot)) {
      if (use.run === run) continue;
      const summary = await runs.get(use.run);
      if (summary === undefined || summary.status === "finished") await reservations.giveBack(slot, use.run);
    }
    if (await reservations.reserve(slot, run, now(), (used) => used.length === 0)) return undefined;
    return (await reservations.uses(slot)).find((use) => use.run !== run)?.run ?? "another";
  }
}

const oneAtATime = (holder: string | undefined): Answer | undefined =>
  holder === undefined ? undefined : wait(`run ${holder} has a control plane in its hands: one at a time`);

/** Why the quorum need not be asked, if so; a contradiction about the machine's role is refused. */
async function exemption(intent: ActIntent, { inventory, node }: QuorumOptions): Promise<Answer | undefined> {
  // What is tainted is off already, and proven so in the same breath.
  if (!disrupts(intent) || intent.verb === "taint-out-of-service") return allow("it takes no member from etcd");
  const { role } = inventory.machine(intent.machine);
  if (role === "control-plane") return undefined;
  const found = await node(intent.machine);
  if (!found?.controlPlane) return allow("not a control-plane machine");
  return refuse(
    `the inventory says ${role}, but Node ${found.name} is a control-plane node: etcd could lose its majority. Correct its role in the inventory, or the Node's label`,
  );
}

/** What the other control planes tell of etcd. The only one is asked of itself: nobody else can tell that it is the only member. */
function pictureWithout(machine: string, { inventory, talos }: QuorumOptions): Promise<EtcdPicture> {
  const others = controlPlanesOf({ inventory }).filter((name) => name !== machine);
  return pictureOf(others.length === 0 ? [machine] : others, talos, AbortSignal.timeout(askMs));
}
