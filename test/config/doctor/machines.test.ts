import { generateKeyPairSync } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { createEmbeddedStore } from "#adapters/embedded/mod.ts";
import { createPins } from "#config/pins.ts";
import { systemClock } from "#events";
import { commonName, keyPem, makeCertificate } from "#test/lab/certificate.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { createRedfishBmc, type RedfishBmc } from "#test/lab/redfish-bmc.ts";
import { complaints, type Examined, examine, one } from "./examined.ts";

const logins = (bmc: unknown) =>
  (bmc as RedfishBmc).requests.filter(({ method, path }) => method === "POST" && path.includes("/Sessions")).length;

/** Puts another BMC into the place of a machine's. */
function replaceBmc({ rack, write }: Examined, name: string, port: number, bmc: { close(): Promise<void> }) {
  onTestFinished(() => bmc.close());
  const before = rack.bmcs.get(name)?.port;
  write({ edit: (yaml) => yaml.replace(`port: ${before}\n`, `port: ${port}\n`) });
}

const login = (rack: Examined["rack"]) => ({ clock: systemClock, user: "lightsout", password: rack.env.LAB_BMC_PASSWORD ?? "" });

test("a wrong password is tried once, and said of each machine", async () => {
  const { ask, rack } = await examine();
  const checks = await ask({ env: { LAB_BMC_PASSWORD: "wr0ng" } });
  expect(one(checks, "cp-01", "BMC")).toMatchObject({ result: "failure", todo: expect.stringContaining("user and password") });
  expect(one(checks, "gpu-01", "BMC")).toMatchObject({ result: "failure", seen: expect.stringContaining("password is wrong") });
  expect(logins(rack.bmcs.get("cp-01"))).toBe(1);
  expect(JSON.stringify(checks)).not.toContain("wr0ng");
});

test("a BMC that belongs to another machine", async () => {
  const { ask, rack } = await examine();
  for (const name of ["cp-01", "gpu-01"]) rack.host(name).faults.reports = { uuid: "11111111-2222-4333-8444-555555555555" };
  const checks = await ask();
  for (const name of ["cp-01", "gpu-01"])
    expect(one(checks, name, "identity")).toMatchObject({ result: "failure", seen: expect.stringContaining("11111111") });
});

test("without an identity in the inventory it says what to write", async () => {
  const { ask, rack, write } = await examine();
  const { serial, uuid } = rack.host("cp-01").identity;
  const known = (line: string) => line.includes(uuid) || line.includes(serial);
  write({
    edit: (yaml) =>
      yaml
        .split("\n")
        .filter((line) => !known(line))
        .join("\n"),
  });
  expect(one(await ask(), "cp-01", "identity")).toMatchObject({ result: "warning", todo: `Write uuid: ${uuid} for cp-01` });
});

test("BMCs that are silent or hang stop no other check", async () => {
  const { ask, rack } = await examine();
  rack.host("gpu-01").faults.bmcDead = true;
  (rack.bmcs.get("cp-01") as RedfishBmc).intercept = () => "hang";
  onTestFinished(() => {
    (rack.bmcs.get("cp-01") as RedfishBmc).intercept = undefined;
  });
  const checks = await ask({ withinMs: 1500 });
  expect(one(checks, "gpu-01", "BMC").result).toBe("failure");
  expect(one(checks, "cp-01", "BMC").result).toBe("failure");
  expect(one(checks, "cluster", "permissions").result).toBe("ok");
  expect(one(checks, "cp-01", "Talos").result).toBe("ok");
});

test("a certificate that has expired, and one that will", async () => {
  const examined = await examine();
  const { ask, rack, write } = examined;
  const host = rack.host("cp-01");
  const shown = (days: readonly [number, number]) => {
    const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
    const subject = [commonName("old BMC")];
    return {
      key: keyPem(key.privateKey),
      cert: makeCertificate({ subject, issuer: subject, subjectKey: key.publicKey, issuerKey: key.privateKey, days, usage: "server" }),
    };
  };
  for (const [days, said] of [
    [[-400, -2], "it expired on"],
    [[-1, 12], "it expires on"],
  ] as const) {
    const bmc = await createRedfishBmc({ ...login(rack), host, personality: "dell", tls: shown(days) });
    replaceBmc(examined, "cp-01", bmc.port, bmc);
    const found = complaints(await ask());
    expect(found).toEqual([expect.stringContaining(`warning cp-01/certificate: ${said}`)]);
    write({});
  }
});

test("a certificate other than the one that is written, or that was pinned: no password goes there", async () => {
  const { ask, folder, rack, write } = await examine();
  const bmc = rack.bmcs.get("cp-01") as RedfishBmc;
  const store = await createEmbeddedStore({ path: join(folder, "lightsout.db"), site: "lab" });
  await createPins(store).set("cp-01", bmc.fingerprint().replaceAll(":", "").toLowerCase());
  await store.close();
  expect(one(await ask(), "cp-01", "certificate")).toMatchObject({ result: "ok", seen: expect.stringContaining("as it is pinned") });
  bmc.changeCertificate();
  const before = logins(bmc);
  expect(one(await ask(), "cp-01", "certificate")).toMatchObject({ result: "failure", seen: expect.stringContaining(", pinned is ") });
  write({ edit: (yaml) => yaml.replace("kind: redfish\n", `kind: redfish\n      tls: { pin: ${"ab".repeat(32)} }\n`) });
  expect(one(await ask(), "cp-01", "certificate")).toMatchObject({
    result: "failure",
    seen: expect.stringContaining(`pinned is ${"ab".repeat(32)}`),
  });
  expect(logins(bmc)).toBe(before);
});

test("looking pins nothing", async () => {
  const { ask, folder } = await examine();
  const path = join(folder, "lightsout.db");
  const store = await createEmbeddedStore({ path, site: "lab" });
  await store.close();
  await ask();
  const again = await createEmbeddedStore({ path, site: "lab" });
  expect(await createPins(again).get("cp-01")).toBeUndefined();
  await again.close();
});

test("accounts that may too much or too little, an old cipher suite, and a clock that is wrong", async () => {
  const examined = await examine();
  const { ask, rack } = examined;
  const host = rack.host("cp-01");
  host.faults.bmcClockAheadMs = -3_600_000;
  for (const [role, said] of [
    ["Administrator", "warning cp-01/account: lightsout is Administrator, more than is needed"],
    ["ReadOnly", "failure cp-01/account: lightsout is ReadOnly, which may not switch power"],
  ] as const) {
    const bmc = await createRedfishBmc({ ...login(rack), host, personality: "hpe", role });
    replaceBmc(examined, "cp-01", bmc.port, bmc);
    expect(complaints(await ask())).toEqual([said, expect.stringMatching(/^warning cp-01\/clock: the BMC is 1h.* behind this host$/)]);
    examined.write({});
  }
  host.faults.bmcClockAheadMs = 0;
  const bmc = await createIpmiBmc({ ...login(rack), host: rack.host("gpu-01"), suites: [3] });
  replaceBmc(examined, "gpu-01", bmc.port, bmc);
  expect(complaints(await ask())).toEqual([
    "warning gpu-01/account: lightsout is administrator, more than is needed",
    "warning gpu-01/cipher suite: 3 (SHA-1)",
  ]);
});

/** Sees to it that no BMC of another test answers over UDP at this port; false where one has it already. */
async function silent(port: number): Promise<boolean> {
  const socket = createSocket("udp4").bind(port, "127.0.0.1");
  const bound = await once(socket, "listening").then(
    () => true,
    () => false,
  );
  if (bound) onTestFinished(() => void socket.close());
  return bound;
}

test("a BMC of another kind than is written", async () => {
  let examined = await examine();
  while (!(await silent(examined.rack.bmcs.get("cp-01")?.port ?? 0))) examined = await examine();
  const { ask, write } = examined;
  const swapped = (yaml: string) =>
    yaml.replace("kind: redfish", "kind: both").replace("kind: ipmi", "kind: redfish").replace("kind: both", "kind: ipmi");
  write({ edit: swapped });
  const checks = await ask({ withinMs: 3000 });
  expect(one(checks, "gpu-01", "BMC")).toMatchObject({
    result: "failure",
    todo: expect.stringContaining("It answers IPMI: write kind: ipmi"),
  });
  expect(one(checks, "cp-01", "BMC")).toMatchObject({ result: "failure", todo: expect.stringContaining("It answers Redfish (Dell") });
});
