import { chmodSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { compose } from "#config/compose.ts";
import { doctor } from "#config/doctor/doctor.ts";
import { loadConfig } from "#config/load.ts";
import type { RedfishBmc } from "#test/lab/redfish-bmc.ts";
import { complaints, examine, one } from "./examined.ts";

test("of a rack that is well there is nothing to complain about, and nothing on it is changed", async () => {
  const { ask, rack } = await examine();
  const checks = await ask();
  expect(complaints(checks)).toEqual([]);
  expect(checks.map(({ subject }) => subject)).toEqual(
    expect.arrayContaining(["configuration", "store", "cluster", "talos", "netboot", "snapshots", "cp-01", "gpu-01"]),
  );
  const bmc = rack.bmcs.get("cp-01");
  const written = bmc?.requests.filter((request) => "path" in request && request.method !== "GET" && !request.path.includes("/Sessions"));
  expect(written).toEqual([]);
  expect([...rack.hosts.values()].map(({ count }) => count)).toEqual(Array(3).fill({ off: 0, on: 0, reset: 0 }));
});

test("without a file it says how to make one", async () => {
  const [first] = await doctor({ config: "/nowhere/lightsout.yaml", env: {} });
  expect(first).toMatchObject({ subject: "configuration", result: "failure", todo: expect.stringContaining("lightsout init") });
});

test("each problem of the file is a finding with its line", async () => {
  const { ask, file, write } = await examine();
  write({ edit: (yaml) => yaml.replace("trust: auto", "trust: always").replace("patience: 60s", "patience: soon") });
  const checks = await ask();
  const broken = checks.filter(({ subject }) => subject === "configuration");
  expect(broken).toHaveLength(2);
  for (const { name, result } of broken) expect([name.startsWith(`${file}:`), result]).toEqual([true, "failure"]);
});

test("a STOP file, a secret that everybody can read, and a file that is not there", async () => {
  const { ask, folder, write } = await examine();
  writeFileSync(join(folder, "STOP"), "");
  chmodSync(join(folder, "kubeconfig"), 0o644);
  rmSync(join(folder, "talosconfig"));
  writeFileSync(join(folder, "secret"), "s3cret");
  chmodSync(join(folder, "secret"), 0o604);
  write({ edit: (yaml) => yaml.replace(/\$\{env:LAB_BMC_PASSWORD\}/, `\${file:./secret}`) });
  const found = complaints(await ask()).filter((line) => line.includes("configuration/"));
  expect(found.join("\n").replaceAll(folder, ".")).toMatch(/warning configuration\/STOP file: .\/STOP has been there since/);
  expect(found.filter((line) => line.includes("is open to everybody")).map((line) => /mode (\d+)/.exec(line)?.[1])).toEqual([
    "0604",
    "0644",
  ]);
  expect(found.join()).toContain("talosconfig, the talosconfig, is not there");
  expect(found.join()).not.toContain("s3cret");
});

test("a store that another process or a Lightsout has", async () => {
  const { ask, file, rack } = await examine();
  const { config } = loadConfig(file, { env: rack.env });
  const lightsout = await compose(config, { log: { fact: () => undefined, note: () => undefined }, osAddress: rack.osAddress });
  onTestFinished(() => lightsout.close());
  const listen = new URL(lightsout.url).host;
  const checks = await ask({ listen });
  expect(one(checks, "server", "listener").seen).toContain(`runs at ${lightsout.url}`);
  expect(one(checks, "store", "file")).toMatchObject({
    result: "ok",
    seen: expect.stringContaining(`the Lightsout at ${lightsout.url} says: embedded: SQLite`),
  });
  // The first look over HTTP pinned it; whether it is the same is told by the Lightsout that has the store.
  expect(one(checks, "cp-01", "certificate").seen).toContain("as it is pinned");
  const bmc = rack.bmcs.get("cp-01") as RedfishBmc;
  const logins = () => bmc.requests.filter(({ method, path }) => method === "POST" && path.includes("/Sessions")).length;
  const before = logins();
  bmc.changeCertificate();
  expect(one(await ask({ listen }), "cp-01", "certificate").result).toBe("failure");
  // Where it does not listen nobody tells whose the file is, or what is pinned: no password goes to a certificate that may be another's.
  const alone = await ask();
  expect(one(alone, "store", "file")).toMatchObject({
    result: "failure",
    seen: expect.stringContaining("has it open, and no Lightsout answers"),
  });
  expect(one(alone, "cp-01", "certificate")).toMatchObject({ result: "warning", seen: expect.stringContaining("no password was sent") });
  expect(logins()).toBe(before);
});

test("a store that is damaged, and one that is another site's", async () => {
  const { ask, file, folder, rack, write } = await examine();
  const { config } = loadConfig(file, { env: rack.env });
  const lightsout = await compose(config, { log: { fact: () => undefined, note: () => undefined }, osAddress: rack.osAddress });
  await lightsout.close();
  expect(one(await ask(), "store", "file").seen).toContain("its pages are whole, schema 1, journal wal");
  write({ edit: (yaml) => yaml.replace("site: lab", "site: other") });
  expect(one(await ask(), "store", "file")).toMatchObject({ result: "failure", seen: expect.stringContaining("belongs to site lab") });
  writeFileSync(
    join(folder, "lightsout.db"),
    "no database, and more than a hundred bytes of it so that SQLite has something to read".repeat(20),
  );
  expect(one(await ask(), "store", "file")).toMatchObject({ result: "failure", seen: expect.stringContaining("is damaged") });
});

test("a port that another program has", async () => {
  const { ask, rack } = await examine();
  const taken = new URL(rack.assets.url).host;
  expect(one(await ask({ listen: taken }), "server", "listener")).toMatchObject({
    result: "failure",
    seen: expect.stringContaining("EADDRINUSE"),
  });
});
