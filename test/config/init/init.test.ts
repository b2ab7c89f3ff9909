import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { doctor } from "#config/doctor/doctor.ts";
import { init } from "#config/init/init.ts";
import { loadConfig } from "#config/load.ts";
import { systemClock } from "#events";
import { createHost, type HostIdentity } from "#test/lab/host.ts";
import { createIpmiBmc } from "#test/lab/ipmi-bmc.ts";
import { createRedfishBmc } from "#test/lab/redfish-bmc.ts";
import { type PersonalityName, personalities } from "#test/lab/redfish-personalities.ts";
import { editorErrors } from "../editor.ts";

const login = { user: "lightsout", password: "c0rrect-horse" };
const env = { BMC_PASSWORD: login.password };

function newFile(): string {
  const folder = mkdtempSync(join(tmpdir(), "lightsout-init-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "lightsout.yaml");
}

async function redfish(personality: PersonalityName = "dell", identity: Partial<HostIdentity> = {}) {
  const host = createHost({ name: `m-${personality}`, clock: systemClock, identity });
  const bmc = await createRedfishBmc({ ...login, host, clock: systemClock, personality });
  onTestFinished(() => bmc.close());
  return { host, bmc, fingerprint: bmc.fingerprint().replaceAll(":", "").toLowerCase() };
}

async function ipmi() {
  const host = createHost({ name: "m-ipmi", clock: systemClock });
  const bmc = await createIpmiBmc({ ...login, host, clock: systemClock, userPrivilege: 3 });
  onTestFinished(() => bmc.close());
  return { host, bmc };
}

/** `init` of what listens on a port of this host, by flags or by somebody who answers. */
function run(
  file: string,
  port: number | undefined,
  more: Partial<Parameters<typeof init>[0]> & { answers?: string[]; env?: Readonly<Record<string, string>> } = {},
) {
  const { answers, env: given = env, ...asked } = more;
  const questions: string[] = [];
  const said: string[] = [];
  const ask = async (question: string) => {
    questions.push(question);
    return answers?.shift() ?? "";
  };
  const made = init(
    {
      addresses: ["127.0.0.1"],
      out: file,
      add: false,
      legacy: false,
      ...(port !== undefined && { port }),
      ...(answers === undefined && { user: login.user, passwordEnv: "BMC_PASSWORD" }),
      terminal: answers && { ask, askSecret: ask },
      say: (line) => said.push(line),
      ...asked,
    },
    given,
  );
  return { made, questions, said };
}

const complaintsOf = async (file: string) => (await doctor({ config: file, env })).filter(({ result }) => result === "failure");

test.each(Object.keys(personalities) as PersonalityName[])("a file for %s loads, and the doctor passes it", async (personality) => {
  const { bmc, fingerprint, host } = await redfish(personality);
  const file = newFile();
  const { machines, variables } = await run(file, bmc.port, { name: "gpu-01", kind: "redfish" }).made;
  const { serial, uuid } = host.identity;
  expect(machines).toMatchObject([{ name: "gpu-01", kind: "redfish", fingerprint, uuid, serial, power: "On", macs: host.macs, notes: [] }]);
  expect(variables).toEqual([]);
  const { config } = loadConfig(file, { env });
  expect(config).toMatchObject({
    trust: "observe",
    machines: [{ name: "gpu-01", uuid, serial, macs: host.macs, bmc: { kind: "redfish", tls: { verify: "pin", pin: fingerprint } } }],
  });
  expect(await complaintsOf(file)).toEqual([]);
  const text = readFileSync(file, "utf8");
  expect(text).not.toContain(login.password);
  expect(editorErrors(text)).toEqual([]);
  const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? "";
  expect(JSON.parse(readFileSync(new URL(schema, pathToFileURL(file)), "utf8"))).toMatchObject({ title: "lightsout.yaml" });
  expect(bmc.requests.filter(({ method, path }) => method !== "GET" && !path.includes("Sessions"))).toEqual([]);
  expect(readdirSync(join(file, ".."))).toEqual(["lightsout.yaml"]);
});

test("a file for IPMI loads, and the doctor passes it", async () => {
  const { bmc, host } = await ipmi();
  const file = newFile();
  const { made, said } = run(file, bmc.port, { name: "ws-01" });
  expect((await made).machines).toMatchObject([
    { kind: "ipmi", uuid: host.identity.uuid, serial: host.identity.serial, power: expect.stringContaining("on") },
  ]);
  expect(said).toEqual(["127.0.0.1 speaks IPMI 2.0, cipher suites 3, 17"]);
  expect(await complaintsOf(file)).toEqual([]);
});

test("a placeholder uuid is not written; the serial is", async () => {
  const { bmc, host } = await redfish("supermicro", { uuid: "00020003-0004-0005-0006-000700080009" });
  const file = newFile();
  const { machines } = await run(file, bmc.port).made;
  expect(machines[0]).toMatchObject({ serial: host.identity.serial, notes: [expect.stringContaining("placeholder")] });
  expect(machines[0]).not.toHaveProperty("uuid");
  expect(loadConfig(file, { env }).config.machines[0]).not.toHaveProperty("uuid");
  expect(await complaintsOf(file)).toEqual([]);
});

test("whoever sits at a terminal is asked, sees the fingerprint, and is told what to set", async () => {
  const { bmc, fingerprint } = await redfish();
  const file = newFile();
  const answers = ["127.0.0.1", "yes", "", "GPU_PASSWORD", login.password, "gpu-07"];
  const { made, questions, said } = run(file, bmc.port, { addresses: [], answers, env: {} });
  expect(await made).toMatchObject({ machines: [{ name: "gpu-07" }], variables: ["GPU_PASSWORD"] });
  expect(said.join("\n")).toContain(`its certificate: sha256 ${fingerprint}`);
  expect(questions.map((question) => question.split(/[ :]/)[0])).toEqual(["Address", "Is", "Account", "Environment", "Password", "Name"]);
  expect(loadConfig(file, { env: { GPU_PASSWORD: login.password } }).config.machines[0]?.name).toBe("gpu-07");
  expect(readFileSync(file, "utf8")).not.toContain(login.password);
});

test("a certificate that nobody trusts gets no password, and nothing is written", async () => {
  const { bmc } = await redfish();
  const file = newFile();
  await expect(run(file, bmc.port, { kind: "redfish", answers: ["no"], name: "gpu-01" }).made).rejects.toMatchObject({
    code: "LO_CLI_FAILED",
    message: expect.stringContaining("not trusted"),
  });
  await expect(run(file, bmc.port, { kind: "redfish", pin: "ab".repeat(32) }).made).rejects.toThrow("not the one of --pin");
  expect(bmc.requests.filter(({ method }) => method === "POST")).toEqual([]);
  expect(existsSync(file)).toBe(false);
  await run(file, bmc.port, { kind: "redfish", pin: `SHA256:${bmc.fingerprint()}` }).made;
  expect(existsSync(file)).toBe(true);
});

const only = { kind: "redfish" } as const;

test("a wrong password, a silent address, and what is missing in a script", async () => {
  const { bmc } = await redfish();
  const file = newFile();
  const wrong = run(file, bmc.port, { ...only, env: { BMC_PASSWORD: "wr0ng" } }).made;
  await expect(wrong).rejects.toMatchObject({
    code: "LO_BMC_AUTH",
    message: expect.not.stringContaining("wr0ng"),
    hint: expect.stringContaining("password"),
  });
  await expect(run(file, 1).made).rejects.toMatchObject({ code: "LO_INIT_SILENT", hint: expect.stringContaining("IPMI over LAN") });
  await expect(run(file, bmc.port, { ...only, env: {} }).made).rejects.toMatchObject({
    code: "LO_CLI_USAGE",
    message: expect.stringContaining("BMC_PASSWORD is not set"),
  });
  await expect(run(file, bmc.port, { ...only, passwordEnv: "not-a-name" }).made).rejects.toMatchObject({ code: "LO_CLI_USAGE" });
  await expect(run(file, bmc.port, { ...only, addresses: ["https://10.0.0.1/"] }).made).rejects.toMatchObject({ code: "LO_CLI_USAGE" });
  await expect(run(file, bmc.port, { ...only, addresses: [] }).made).rejects.toMatchObject({ code: "LO_CLI_USAGE" });
  await expect(run(file, bmc.port, { ...only, name: "GPU 1" }).made).rejects.toMatchObject({ code: "LO_CONFIG" });
  await expect(run(join(file, "not", "there.yaml"), bmc.port).made).rejects.toMatchObject({ code: "LO_INIT_FILE" });
  expect(existsSync(file)).toBe(false);
});

test("a file that is there is not overwritten, and machines are added to it as it is written", async () => {
  const [one, other, third] = [await redfish("dell"), await redfish("hpe"), await ipmi()];
  const file = newFile();
  await expect(run(file, one.bmc.port, { ...only, add: true }).made).rejects.toMatchObject({ code: "LO_INIT_ABSENT" });
  const before = `# The rack in the cellar.
site: cellar   # never change it
trust: observe
machines:
  # The old one.
  old-01:
    serial: 0012   # keeps its zeros
    bmc: { kind: ipmi, address: 10.0.0.9, user: ADMIN, password: "\${env:SOMEBODY_ELSES}" }
`;
  writeFileSync(file, before);
  chmodSync(file, 0o640);
  await expect(run(file, one.bmc.port).made).rejects.toMatchObject({ code: "LO_INIT_EXISTS" });
  expect(readFileSync(file, "utf8")).toBe(before);

  await run(file, one.bmc.port, { ...only, add: true, name: "gpu-01" }).made;
  await run(file, other.bmc.port, { ...only, add: true }).made;
  const text = readFileSync(file, "utf8");
  for (const kept of ["# The rack in the cellar.", "# never change it", "# The old one.", "serial: 0012 # keeps its zeros"])
    expect(text).toContain(kept);
  const { config } = loadConfig(file, { env: { ...env, SOMEBODY_ELSES: "x" } });
  expect(config.machines.map(({ name, serial }) => [name, serial])).toEqual([
    ["old-01", "0012"],
    ["gpu-01", one.host.identity.serial],
    ["machine-01", other.host.identity.serial],
  ]);
  expect(statSync(file).mode & 0o777).toBe(0o640);
  await expect(run(file, one.bmc.port, { ...only, add: true }).made).rejects.toMatchObject({
    code: "LO_CONFIG",
    message: expect.stringContaining("The same"),
  });
  expect(readFileSync(file, "utf8")).toBe(text);

  writeFileSync(file, "site: cellar\nmachines:\n  - name: old-01 # a list\n");
  await run(file, third.bmc.port, { kind: "ipmi", add: true }).made;
  expect(loadConfig(file, { env }).config.machines.map(({ name }) => name)).toEqual(["old-01", "machine-01"]);
  expect(readFileSync(file, "utf8")).toContain("# a list");
  writeFileSync(file, "site: cellar\nmachines: {}\n");
  await run(file, third.bmc.port, { kind: "ipmi", add: true }).made;
  expect(loadConfig(file, { env }).config.machines).toHaveLength(1);
  writeFileSync(file, "site: cellar\ntrust: always\n");
  await expect(run(file, third.bmc.port, { kind: "ipmi", add: true }).made).rejects.toMatchObject({
    code: "LO_CONFIG",
    message: expect.stringContaining(":2:"),
  });
});

test("several at once, and none of them where one fails", async () => {
  const host = createHost({ name: "m-1", clock: systemClock });
  const first = await createIpmiBmc({ ...login, host, clock: systemClock });
  onTestFinished(() => first.close());
  const file = newFile();
  // The same box under two names has one uuid: the file would not load, so it is not written.
  await expect(run(file, first.port, { addresses: ["127.0.0.1", "localhost"] }).made).rejects.toMatchObject({ code: "LO_CONFIG" });
  expect(existsSync(file)).toBe(false);
});

test("Intel AMT is recognised, and said not to be driven yet", async () => {
  const server = createServer((_, answer) =>
    answer.writeHead(200, { server: "Intel(R) Active Management Technology 11.8.50" }).end("<html>"),
  );
  // An address of its own, since AMT's port is fixed.
  const address = "127.16.99.2";
  await new Promise<void>((listening) => server.listen(16_992, address, listening));
  onTestFinished(() => void server.close());
  const file = newFile();
  const { machines } = await run(file, 1, { addresses: [address], name: "desk-01" }).made;
  expect(machines).toMatchObject([{ name: "desk-01", kind: "none", notes: [expect.stringContaining("is not driven yet")] }]);
  expect(loadConfig(file, { env }).config.machines[0]).not.toHaveProperty("bmc");
  expect(readFileSync(file, "utf8")).toContain(`Intel(R) Active Management Technology 11.8.50 at ${address}: not driven yet`);
  expect(await complaintsOf(file)).toEqual([]);
});
