import { expect, test } from "vitest";
import { createStorage, type ReadObjects } from "#adapters/storage/mod.ts";
import { DeviceError } from "#events";

const ceph = "/apis/ceph.rook.io/v1/cephclusters";
const longhorn = "/apis/longhorn.io/v1beta2/volumes";
const having =
  (objects: Readonly<Record<string, readonly unknown[]>>): ReadObjects =>
  async (path) =>
    objects[path];
const cluster = (health: unknown, details?: object) => ({ metadata: { name: "rook-ceph" }, status: { ceph: { health, details } } });
const volume = (name: string, state: string, robustness: string) => ({ metadata: { name }, status: { state, robustness } });
const auto = (objects: Readonly<Record<string, readonly unknown[]>>) =>
  createStorage({ kind: "auto", readObjects: having(objects) }).health();

test("a cluster without replicated storage lets a machine go, and says what was looked for", async () => {
  expect(await auto({})).toEqual({ healthy: true, why: "no replicated storage (looked for ceph, longhorn)" });
});

test.each([
  ["HEALTH_OK", true, "Ceph is HEALTH_OK"],
  ["HEALTH_WARN", false, "Ceph rook-ceph reads HEALTH_WARN (OSD_DOWN)"],
  ["HEALTH_ERR", false, "Ceph rook-ceph reads HEALTH_ERR (OSD_DOWN)"],
  [undefined, false, "Ceph rook-ceph reads nothing (OSD_DOWN)"],
  [7, false, "Ceph rook-ceph reads nothing (OSD_DOWN)"],
])("Ceph that reads %s", async (health, healthy, why) => {
  expect(await auto({ [ceph]: [cluster(health, { OSD_DOWN: {} })] })).toEqual({ healthy, why });
});

test("of Longhorn's volumes all that are attached must be whole", async () => {
  const whole = [volume("a", "attached", "healthy"), volume("b", "detached", "unknown")];
  expect((await auto({ [longhorn]: whole })).healthy).toBe(true);
  const broken = await auto({ [longhorn]: [...whole, volume("c", "attached", "degraded"), volume("d", "attaching", "unknown")] });
  expect(broken).toEqual({ healthy: false, why: "Longhorn: c is degraded, d is unknown" });
});

test("every kind that is there must be healthy", async () => {
  const mixed = await auto({ [ceph]: [cluster("HEALTH_OK")], [longhorn]: [volume("c", "attached", "faulted")] });
  expect(mixed).toEqual({ healthy: false, why: "Longhorn: c is faulted" });
});

test("a kind that is declared must be there", async () => {
  const declared = createStorage({ kind: "ceph", readObjects: having({ [longhorn]: [] }) });
  expect((await declared.health()).healthy).toBe(false);
  expect(await createStorage({ kind: "none", readObjects: having({}) }).health()).toMatchObject({ healthy: true });
});

test("no answer and shapes that are not understood say no", async () => {
  const about = { target: "cluster", operation: "list", effect: "none" } as const;
  const away = createStorage({
    kind: "auto",
    readObjects: async () => {
      throw new DeviceError("LO_CLUSTER_UNREACHABLE", about, "connection refused");
    },
  });
  expect(await away.health()).toMatchObject({ healthy: false, why: expect.stringContaining("connection refused") });
  for (const odd of [null, 3, "x", {}, { status: null }]) expect((await auto({ [ceph]: [odd] })).healthy).toBe(false);
});
