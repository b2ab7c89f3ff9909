import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EtcdMember, EtcdStatus } from "#adapters/os/port.ts";
import type { EtcdPicture } from "#functions/guards/etcd-picture.ts";
import { judgeQuorum } from "#functions/guards/quorum.ts";

const member = (id: number, over: Partial<EtcdMember> = {}): EtcdMember => ({
  id: `000${id}`,
  name: `cp${id}`,
  learner: false,
  peerUrls: [],
  ...over,
});

const status = (id: number, over: Partial<EtcdStatus> = {}): EtcdStatus => ({
  member: `000${id}`,
  leader: "0002",
  learner: false,
  errors: [],
  dbSize: 1,
  raftIndex: 1n,
  raftApplied: 1n,
  ...over,
});

/** A healthy cluster of this many voters, led by the second. */
const cluster = (count: number, over: Partial<EtcdPicture> = {}): EtcdPicture => {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  return { members: ids.map((id) => member(id)), statuses: ids.map((id) => status(id)), alarms: [], ...over };
};

const safe = (picture: EtcdPicture, self = "cp1", options = {}) => judgeQuorum(picture, self, options).safe;

test("one of three, four, five may go; one of two may not", () => {
  expect([3, 4, 5].map((count) => safe(cluster(count)))).toEqual([true, true, true]);
  expect(judgeQuorum(cluster(2), "cp1")).toEqual({
    safe: false,
    why: "without cp1 1 of 2 etcd voters are left, which is no majority",
    leads: false,
  });
});

test("who leads gives leadership away first", () => {
  expect(judgeQuorum(cluster(3), "cp2")).toEqual({ safe: true, why: "without cp2 2 of 3 etcd voters are left, all healthy", leads: true });
  expect(judgeQuorum(cluster(3), "cp1").leads).toBe(false);
});

test("the machine itself may be as sick as it wants: it is the one to go", () => {
  const { members, statuses } = cluster(3);
  expect(safe({ members, statuses: statuses.slice(1), alarms: [] })).toBe(true);
  expect(safe({ members, statuses: [status(1, { errors: ["corrupt"], leader: undefined }), ...statuses.slice(1)], alarms: [] })).toBe(true);
});

describe("no answer means no", () => {
  test.each<[string, Partial<EtcdPicture>]>([
    ["about the members", { members: undefined }],
    ["but an empty one about the members", { members: [] }],
    ["about alarms", { alarms: undefined }],
    ["from one of the others", { statuses: [status(1), status(2)] }],
    ["from all of the others", { statuses: [] }],
  ])("%s", (_, over) => {
    expect(safe(cluster(5, over))).toBe(false);
  });
});

describe("the others must all be well, though a majority would be left", () => {
  const withThird = (over: Partial<EtcdMember>, its: Partial<EtcdStatus> = {}) => {
    const five = cluster(5);
    return judgeQuorum(
      {
        ...five,
        members: five.members?.with(2, member(3, over)),
        statuses: five.statuses.with(2, status(3, its)),
      },
      "cp1",
    );
  };
  test("none that has not started", () => {
    expect(withThird({ name: "" })).toMatchObject({ safe: false, why: "etcd member 0003 has not started" });
  });
  test("none with errors, without a leader, or that thinks itself a learner", () => {
    expect(withThird({}, { errors: ["disk is slow", "etc"] })).toMatchObject({
      safe: false,
      why: "etcd member cp3 has errors: disk is slow, etc",
    });
    expect(withThird({}, { leader: undefined })).toMatchObject({ safe: false, why: "etcd member cp3 knows no leader" });
    expect(withThird({}, { learner: true })).toMatchObject({ safe: false, why: "etcd member cp3 takes itself for a learner" });
  });
  test("none that follows another leader", () => {
    expect(withThird({}, { leader: "0004" })).toMatchObject({ safe: false, why: "etcd members see different leaders" });
  });
  test("and no alarm anywhere, also not one we do not know", () => {
    expect(judgeQuorum(cluster(3, { alarms: [{ member: "0001", alarm: "no-space" }] }), "cp1").why).toBe(
      "etcd has an alarm: no-space of member cp1",
    );
    expect(judgeQuorum(cluster(3, { alarms: [{ member: "00ff", alarm: "unknown" }] }), "cp1")).toMatchObject({
      safe: false,
      why: expect.stringContaining("00ff"),
    });
  });
});

describe("learners", () => {
  test("make no majority", () => {
    const two = cluster(2);
    expect(
      safe({
        ...two,
        members: [...(two.members ?? []), member(3, { learner: true })],
        statuses: [...two.statuses, status(3, { learner: true })],
      }),
    ).toBe(false);
  });
  test("and hinder none, whether or not they have started", () => {
    const three = cluster(3);
    expect(safe({ ...three, members: [...(three.members ?? []), member(4, { learner: true, name: "" })] })).toBe(true);
  });
  test("may go themselves, when the voters are well", () => {
    const three = cluster(3);
    const members = [...(three.members ?? []), member(4, { learner: true })];
    expect(judgeQuorum({ ...three, members }, "cp4")).toMatchObject({ safe: true, leads: false });
    expect(safe({ ...three, members, statuses: three.statuses.slice(1) }, "cp4")).toBe(false);
  });
});

describe("a single member", () => {
  const alone = cluster(1);
  test("goes only by consent", () => {
    expect(judgeQuorum(alone, "cp1")).toMatchObject({ safe: false, why: expect.stringContaining("only etcd member") });
    expect(safe(alone, "cp1", { consent: true })).toBe(true);
  });
  test("and consent excuses nothing else", () => {
    expect(safe(cluster(2), "cp1", { consent: true })).toBe(false);
    expect(safe({ ...alone, alarms: [{ member: "0001", alarm: "corrupt" }] }, "cp1", { consent: true })).toBe(false);
    expect(safe({ ...alone, alarms: undefined }, "cp1", { consent: true })).toBe(false);
    expect(safe({ ...alone, members: [member(1, { learner: true })] }, "cp1", { consent: true })).toBe(false);
    expect(safe({ ...alone, statuses: [] }, "cp9", { consent: true })).toBe(false);
  });
});

test("a machine that is no member costs nothing, two of its name are one too many", () => {
  expect(safe(cluster(3), "cp9")).toBe(true);
  const three = cluster(3);
  expect(safe({ ...three, members: [...(three.members ?? []), member(4, { name: "cp1" })] })).toBe(false);
});

test("whatever is told, safe means: more than half of all voters are others that started, answered and are well", () => {
  const anyMember = fc.record({ name: fc.constantFrom("cp1", "cp2", "cp3", "cp4", "cp5", ""), learner: fc.boolean() });
  const anyStatus = fc.record({
    at: fc.nat(4),
    leader: fc.constantFrom(undefined, "0001", "0002"),
    learner: fc.boolean(),
    errors: fc.constantFrom<string[]>([], ["sick"]),
  });
  fc.assert(
    fc.property(
      fc.array(anyMember, { maxLength: 5 }),
      fc.array(anyStatus, { maxLength: 8 }),
      fc.constantFrom(undefined, [], [{ member: "0001", alarm: "corrupt" as const }]),
      (made, told, alarms) => {
        const members = made.map((one, index) => member(index + 1, one));
        const statuses = told.map(({ at, ...rest }) => status(at + 1, rest));
        if (!safe({ members, statuses, alarms }, "cp1")) return;
        expect(alarms).toEqual([]);
        const voters = members.filter(({ learner }) => !learner);
        const isWell = (id: string) => {
          const about = statuses.filter((one) => one.member === id);
          return about.length > 0 && about.every(({ errors, leader, learner }) => errors.length === 0 && leader !== undefined && !learner);
        };
        const well = voters.filter(({ id, name }) => name !== "cp1" && name !== "" && isWell(id));
        expect(well.length * 2).toBeGreaterThan(voters.length);
      },
    ),
    { numRuns: 5000 },
  );
});
