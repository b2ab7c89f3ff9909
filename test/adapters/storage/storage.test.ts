import fc from "fast-check";
import { expect, test } from "vitest";
import { createStorage, type ReadObjects } from "#adapters/storage/mod.ts";
import { type Clock, DeviceError, systemClock } from "#events";

type Objects = Readonly<Record<string, readonly unknown[]>>;

const now = Date.parse("2026-11-28T10:00:00Z");
const clock: Clock = { ...systemClock, now: () => now };
const ceph = "/apis/ceph.rook.io/v1/cephclusters";
const longhorn = "/apis/longhorn.io/v1beta2/volumes";
const engines = "/apis/longhorn.io/v1beta2/engines";
const having =
  (objects: Objects): ReadObjects =>
  async (path) =>
    objects[path];
const cluster = (health: unknown, details?: object, lastChecked: unknown = "2026-11-28T09:59:20Z") => ({
  metadata: { name: "rook-ceph" },
  status: { ceph: { health, details, lastChecked } },
});
const volume = (name: string, state: string, robustness: string) => ({ metadata: { name }, status: { state, robustness } });
const engine = (volumeName: string, status: object) => ({ metadata: { name: `${volumeName}-e-0` }, spec: { volumeName }, status });
const asked = (kind: Parameters<typeof createStorage>[0]["kind"], objects: Objects) =>
  createStorage({ kind, clock, readObjects: having(objects) }).health();
const auto = (objects: Objects) => asked("auto", objects);

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

test.each([
  ["2026-11-28T09:51:00Z", true],
  ["2026-11-28T09:49:00Z", false],
  ["2026-11-28T10:11:00Z", false],
  ["", false],
  [undefined, false],
  [now, false],
])("Ceph that Rook saw healthy at %s", async (lastChecked, healthy) => {
  const said = await auto({ [ceph]: [{ ...cluster("HEALTH_OK"), status: { ceph: { health: "HEALTH_OK", lastChecked } } }] });
  expect(said.healthy).toBe(healthy);
  if (!healthy) expect(said.why).toContain("rook-ceph-operator");
});

test("of Longhorn's volumes all that are attached must be whole, and none may be on its way", async () => {
  const whole = [volume("a", "attached", "healthy"), volume("b", "detached", "unknown")];
  expect(await auto({ [longhorn]: whole, [engines]: [] })).toEqual({ healthy: true, why: "Longhorn's 2 volumes are healthy" });
  const broken = [...whole, volume("c", "attached", "degraded"), volume("d", "attaching", "unknown"), volume("e", "detached", "faulted")];
  expect(await auto({ [longhorn]: broken, [engines]: [] })).toEqual({
    healthy: false,
    why: "Longhorn: c is degraded, d is attaching, e is faulted",
  });
});

test("a replica that is being rebuilt says no, also where the volume reads healthy", async () => {
  const volumes = [volume("a", "attached", "healthy")];
  const engineOf = (status: object) => auto({ [longhorn]: volumes, [engines]: [engine("a", status)] });
  const rebuilt = { "tcp://10.0.0.2:10000": { isRebuilding: false, progress: 100, state: "complete" } };
  expect((await engineOf({ rebuildStatus: rebuilt, replicaModeMap: { r1: "RW", r2: "RW" } })).healthy).toBe(true);
  expect((await engineOf({ rebuildStatus: null, replicaModeMap: null })).healthy).toBe(true);
  const running = { ...rebuilt, "tcp://10.0.0.3:10000": { isRebuilding: true, progress: 42, state: "in_progress" } };
  expect(await engineOf({ rebuildStatus: running, replicaModeMap: { r1: "RW", r2: "WO" } })).toEqual({
    healthy: false,
    why: "Longhorn: a is being rebuilt (42 %)",
  });
  for (const mode of ["WO", "ERR", "", 3]) expect((await engineOf({ replicaModeMap: { r1: "RW", r2: mode } })).healthy).toBe(false);
});

test("every kind that is there must be healthy", async () => {
  const mixed = await auto({ [ceph]: [cluster("HEALTH_OK")], [longhorn]: [volume("c", "attached", "faulted")] });
  expect(mixed).toEqual({ healthy: false, why: "Longhorn: c is faulted" });
});

test("a kind that is declared must be there", async () => {
  expect((await asked("ceph", { [longhorn]: [] })).healthy).toBe(false);
  expect(await asked("none", {})).toMatchObject({ healthy: true });
});

test("no answer says no", async () => {
  const about = { target: "cluster", operation: "list", effect: "none" } as const;
  const readObjects: ReadObjects = async (path) => {
    if (path === ceph) return [cluster("HEALTH_OK")];
    throw new DeviceError("LO_CLUSTER_UNREACHABLE", about, "connection refused");
  };
  const said = await createStorage({ kind: "auto", clock, readObjects }).health();
  expect(said).toMatchObject({ healthy: false, why: expect.stringContaining("connection refused") });
});

test("no shape that is not understood says yes", async () => {
  const odd = fc.anything().filter((one) => JSON.stringify(one)?.includes("HEALTH_OK") !== true);
  const saysNo = (of: (one: unknown) => Objects) =>
    fc.assert(
      fc.asyncProperty(odd, async (one) => {
        expect((await auto(of(one))).healthy).toBe(false);
      }),
    );
  await saysNo((one) => ({ [ceph]: [one] }));
  await saysNo((one) => ({ [longhorn]: [one], [engines]: [] }));
});
