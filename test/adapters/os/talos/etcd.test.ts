import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import { createLabEtcd } from "#test/lab/talos-etcd.ts";
import { isWholeSnapshot } from "#test/lab/talos-snapshot.ts";
import { collect, createControlPlane, createRig, type RigOptions, rejection, verdict } from "./rig.ts";

const three = async () => {
  const etcd = createLabEtcd();
  const rigs = await createControlPlane(etcd);
  const [first, second, third] = rigs;
  if (!first || !second || !third) throw new Error("three were asked for");
  return { etcd, first, second, third };
};

describe("reads", () => {
  test("members with their ids as etcdctl writes them, learners and those that never started told apart", async () => {
    const { etcd, first } = await three();
    etcd.join("m4", () => true, { learner: true });
    etcd.join("m5", () => false, { started: false });
    const members = await first.machine.etcd.members();
    expect(members.map(({ id, name, learner }) => [id, name, learner])).toEqual([
      ["8e9e05c52164694d", "m1", false],
      ["8e9e05c521646a4e", "m2", false],
      ["8e9e05c521646b4f", "m3", false],
      ["8e9e05c521646c50", "m4", true],
      ["8e9e05c521646d51", "", false],
    ]);
    expect(members[0]?.peerUrls).toEqual(["https://127.0.0.1:2380/m1"]);
  });

  test("status is the machine's own, and knows no leader when quorum is lost", async () => {
    const { first, second, third } = await three();
    expect(await second.machine.etcd.status()).toEqual({
      member: "8e9e05c521646a4e",
      leader: "8e9e05c52164694d",
      learner: false,
      errors: [],
      dbSize: 4096,
      raftIndex: 42n,
      raftApplied: 42n,
    });
    second.host.press("force-off", "test");
    third.host.press("force-off", "test");
    await expect.poll(() => second.host.power() + third.host.power()).toBe("offoff");
    expect(await first.machine.etcd.status()).toMatchObject({ leader: undefined, errors: ["etcdserver: no leader"] });
    expect(await verdict(first.machine.etcd.members())).toBe("LO_TALOS_TIMEOUT, none");
    expect(await verdict(first.machine.etcd.alarms())).toBe("LO_TALOS_TIMEOUT, none");
  });

  test("alarms of every member; none is an empty list, not an error", async () => {
    const { etcd, first } = await three();
    expect(await first.machine.etcd.alarms()).toEqual([]);
    etcd.alarms.push({ id: 0x0fn, alarm: "no-space" }, { id: 0x10n, alarm: "corrupt" });
    expect(await first.machine.etcd.alarms()).toEqual([
      { member: "000000000000000f", alarm: "no-space" },
      { member: "0000000000000010", alarm: "corrupt" },
    ]);
  });

  test("whether etcd has started on the machine, also before it was bootstrapped and without a majority", async () => {
    const { first, second, third } = await three();
    second.host.press("force-off", "test");
    third.host.press("force-off", "test");
    await expect.poll(() => second.host.power() + third.host.power()).toBe("offoff");
    expect(await first.machine.etcd.running()).toBe(true);
    const { machine, permit } = await createRig({ role: "control-plane", etcd: createLabEtcd(), member: false });
    expect(await machine.etcd.running()).toBe(false);
    await machine.bootstrap(permit("bootstrap"));
    expect(await machine.etcd.running()).toBe(true);
  });

  test("a worker has no etcd", async () => {
    const { machine } = await createRig();
    expect(await verdict(machine.etcd.members())).toBe("unsupported");
    expect(await machine.etcd.running()).toBe(false);
  });

  test("a snapshot is streamed whole, or ends with an error", async () => {
    const { first } = await three();
    expect(isWholeSnapshot(Buffer.concat(await collect(first.machine.etcd.snapshot())))).toBe(true);
    first.box.snapshotBreaksAt = 3;
    expect(await verdict(collect(first.machine.etcd.snapshot()))).toBe("LO_TALOS_REFUSED, none");
  });

  test("a snapshot whose machine goes away in the middle is an error", async () => {
    const { first } = await three();
    const reading = (async () => {
      for await (const _ of first.machine.etcd.snapshot()) await first.box.close();
    })();
    expect(await verdict(reading)).toBe("LO_TALOS_UNREACHABLE, none");
  });
});

describe("a snapshot is handed over", () => {
  const parts = (...lengths: number[]) => lengths.map((length, index) => Buffer.alloc(length, index + 1));
  async function* stream(chunks: readonly Uint8Array[], fails?: Error) {
    yield* chunks;
    if (fails) throw fails;
  }
  const empty = (options: RigOptions = {}) => createRig({ role: "control-plane", etcd: createLabEtcd(), member: false, ...options });

  test("whole, in whatever pieces it comes, and as often as one likes", async () => {
    const { machine, box } = await empty({ talos: { timeouts: { long: 1_200_000 } } });
    // The third is more than Talos takes in one message.
    const chunks = parts(10, 0, 33 * 1024 * 1024, 7);
    const hash = createHash("sha256").update(Buffer.concat(chunks)).digest("hex").slice(0, 8);
    await machine.etcd.upload(stream(chunks));
    await machine.etcd.upload(stream(parts(10)));
    expect(box.effects).toEqual([`etcd-recover ${33 * 1024 * 1024 + 17} bytes ${hash}`, expect.stringContaining("etcd-recover 10 bytes")]);
  });

  test("or not at all, when it cannot be read to its end", async () => {
    const { machine, box, os } = await empty();
    expect(await rejection(machine.etcd.upload(stream(parts(100_000), new Error("checksum"))))).toEqual(new Error("checksum"));
    expect(await machine.version()).toMatchObject({ tag: os.running().version });
    expect(box.effects).toEqual([]);
  });

  test("to no machine that has etcd data, to no worker, and by admins alone", async () => {
    const { first } = await three();
    expect(await verdict(first.machine.etcd.upload(stream(parts(10))))).toBe("LO_TALOS_REFUSED, none");
    const worker = await createRig();
    expect(await verdict(worker.machine.etcd.upload(stream(parts(3_000_000))))).toBe("unsupported");
    const operator = await empty({ roles: ["os:operator"] });
    expect(await verdict(operator.machine.etcd.upload(stream(parts(3_000_000))))).toBe("LO_TALOS_AUTH, none");
  });

  test("until its signal says otherwise, or the machine goes away", async () => {
    const { machine, box } = await empty();
    const stop = new AbortController();
    async function* slow() {
      yield Buffer.alloc(10);
      stop.abort(new Error("enough"));
      await new Promise(() => undefined);
    }
    expect(await rejection(machine.etcd.upload(slow(), stop.signal))).toEqual(new Error("enough"));
    expect(box.effects).toEqual([]);
    const other = await empty();
    async function* deadly() {
      yield Buffer.alloc(10);
      await other.box.close();
      yield Buffer.alloc(10);
    }
    expect(await verdict(other.machine.etcd.upload(deadly()))).toBe("LO_TALOS_UNREACHABLE, none");
    expect(other.box.effects).toEqual([]);
  });
});

describe("leadership", () => {
  test("goes to another member, and stays where it is when this one has none", async () => {
    const { etcd, first, second } = await three();
    expect(await second.machine.etcd.forfeitLeadership()).toBeUndefined();
    expect(await first.machine.etcd.forfeitLeadership()).toBe("m2");
    expect(etcd.leader()?.name).toBe("m2");
  });

  test("cannot be given away by a single member", async () => {
    const { machine } = await createRig({ role: "control-plane", etcd: createLabEtcd() });
    expect(await rejection(machine.etcd.forfeitLeadership())).toMatchObject({
      code: "LO_TALOS_REFUSED",
      message: "m1: etcd forfeit-leadership: the machine answered FailedPrecondition: cannot forfeit leadership, only one member",
    });
  });
});

describe("leaving", () => {
  test("a machine takes itself out", async () => {
    const { etcd, first } = await three();
    expect(await first.machine.etcd.leave(first.permit("etcd-remove-member"))).toMatchObject({ did: "sent" });
    expect(etcd.members.map(({ name }) => name)).toEqual(["m2", "m3"]);
  });

  test("a dead member is removed by its id, once", async () => {
    const { etcd, first, third } = await three();
    third.host.press("force-off", "test");
    await expect.poll(() => third.host.power()).toBe("off");
    const dead = { machine: "m3", id: "8e9e05c521646b4f", name: "m3" };
    const remove = () => first.machine.etcd.removeMember(first.permit("etcd-remove-member", { machine: "m3" }), dead);
    expect(await remove()).toMatchObject({ did: "sent" });
    expect(await remove()).toEqual({ did: "already", answer: "there is no member 8e9e05c521646b4f" });
    expect(etcd.log.filter((line) => line.startsWith("remove"))).toEqual(["remove m3"]);
  });

  test("only the member that was meant is removed: by its name too, and never the machine that is asked", async () => {
    const { etcd, first } = await three();
    const remove = (machine: string, id: string, name: string) =>
      verdict(first.machine.etcd.removeMember(first.permit("etcd-remove-member", { machine }), { machine, id, name }));
    expect(await remove("m3", "8e9e05c521646a4e", "m3")).toBe("LO_TALOS_REFUSED, none");
    expect(await remove("m3", "8e9e05c521646b4f", "")).toBe("LO_TALOS_REFUSED, none");
    expect(await remove("m1", "8e9e05c52164694d", "m1")).toBe("unsupported");
    expect(etcd.members).toHaveLength(3);
  });

  test("an id that is none is refused before anything is sent", async () => {
    const { box, machine, permit } = await createRig({ role: "control-plane", etcd: createLabEtcd() });
    for (const id of ["", "m3", "0", "0000000000000000", "8e9e05c52164694d0"]) {
      const dead = { machine: "m3", id, name: "m3" };
      await expect(machine.etcd.removeMember(permit("etcd-remove-member", { machine: "m3" }), dead)).rejects.toMatchObject({
        code: "LO_CONFIG",
      });
    }
    expect(box.calls).toEqual([]);
  });
});
