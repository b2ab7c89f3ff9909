import { readFileSync } from "node:fs";
import { expect, it, onTestFinished } from "vitest";
import { createCli } from "#adapters/cli/mod.ts";
import { type ComposeOptions, compose } from "#config/compose.ts";
import { scaledClock } from "#events";
import { declaredSite, secrets } from "#test/config/declared.ts";
import { createHost } from "#test/lab/host.ts";
import { createTalosApi } from "#test/lab/talos-api.ts";
import { createTalosAuthority } from "#test/lab/talos-cert.ts";

/** Lightsout over a site whose machines nobody simulates, and its command line. */
async function running(
  more: Record<string, unknown> = {},
  { env, ...options }: Partial<ComposeOptions> & { env?: Readonly<Record<string, string>> } = {},
) {
  const site = await declaredSite(more, env);
  const told: string[] = [];
  const lightsout = await compose(site.config, {
    log: { fact: (_, fact) => told.push(JSON.stringify(fact)), note: (_, message) => told.push(message) },
    ...options,
  });
  onTestFinished(() => lightsout.close());
  const run = async (...argv: string[]) => {
    const lines: string[] = [];
    const say = (line: string) => void lines.push(line);
    const cli = createCli({
      out: say,
      err: say,
      env: { LIGHTSOUT_URL: lightsout.url },
      terminal: undefined,
      serve: async () => undefined,
      demo: async () => 0,
      doctor: async () => [],
      schema: async () => ({}),
      init: async () => ({ file: "lightsout.yaml", machines: [], variables: [] }),
    });
    return { exit: await cli.run(argv), out: lines.join("\n") };
  };
  return { ...site, lightsout, run, told };
}

it("what is declared is shown, checked and booted, and no secret leaves but to the armed machine", async () => {
  const { folder, lightsout, run, told } = await running();
  const answers = [
    await run("config", "check"),
    await run("config", "show", "cp-01"),
    await run("config", "show", "gpu-01", "--json"),
    await run("config", "show", "desk-01"),
    await run("config", "diff", "gpu-01"),
    await run("arms"),
    await run("snapshots"),
    await run("dnsmasq"),
  ];
  expect(answers.map(({ exit }) => exit)).toEqual([0, 0, 0, 1, 1, 0, 1, 1]);
  expect(answers[0]?.out).toBe("cp-01: nothing is wrong that is known\ngpu-01: nothing is wrong that is known");
  expect(answers[3]?.out).toContain("The schematic of desk-01 is not declared");
  expect(answers[4]?.out).toContain("Give talos.talosconfig in lightsout.yaml");
  expect(answers[6]?.out).toContain("Give snapshots.to in lightsout.yaml");
  expect(answers[7]?.out).toContain("Give netboot.url and netboot.dnsmasq in lightsout.yaml");

  const { netboot } = lightsout.ports;
  const profile = await netboot.prepare("gpu-01", { wipe: false });
  await netboot.arms.arm("gpu-01", { run: "run-1", profile, within: "1h" });
  const script = await (await fetch(`${lightsout.bootUrl}/ipxe?mac=3c-ec-ef-00-00-02`)).text();
  const given = await (await fetch(/talos\.config=(\S+)/.exec(script)?.[1] ?? "")).text();
  expect(secrets.filter((secret) => given.includes(secret)).length).toBeGreaterThan(3);
  answers.push(await run("arms"), await run("disarm", "gpu-01"));
  expect(answers.at(-2)?.out).toContain("config-sent  to 127.0.0.1");
  expect(answers.at(-1)?.out).toBe("gpu-01 is not armed: it boots its disk");

  await lightsout.close();
  const seen = [...told, ...answers.map(({ out }) => out), readFileSync(`${folder}/test.db`, "latin1")].join("\n");
  expect(secrets.filter((secret) => seen.includes(secret))).toEqual([]);
});

it("a rollout of a pool that does not exist is refused with the nearest", async () => {
  const { run } = await running();
  expect(await run("upgrade", "--pool", "gup")).toMatchObject({
    exit: 1,
    out: expect.stringMatching(/there is no pool gup\n {2}Known: gpu/),
  });
});

it("a machine is asked over its Talos API where it differs from what is declared, and no secret is shown that does", async () => {
  const clock = scaledClock(20);
  const authority = createTalosAuthority();
  const box = await createTalosApi({ host: createHost({ name: "gpu-01", clock, gpus: 0, bootMs: 3000 }), clock, authority });
  onTestFinished(() => box.close());
  const { lightsout, run, told } = await running(
    {},
    { talosconfigText: authority.talosconfig(["os:admin"]), osAddress: () => ({ host: "127.0.0.1", talosPort: box.port }) },
  );
  const { text } = await lightsout.ports.configs.render("gpu-01");
  box.os.config = text;
  expect(await run("config", "diff", "gpu-01")).toEqual({ exit: 0, out: "gpu-01 runs what is declared" });
  box.os.config = text.replace("abcdef.0123456789abcdef", "fedcba.0123456789abcdef").replace("262144", "65530");
  const different = await run("config", "diff", "gpu-01");
  expect(different).toEqual({
    exit: 1,
    out: 'machine.token: declared (hidden), running (hidden)\nmachine.sysctls.vm.max_map_count: declared "262144", running "65530"',
  });
  expect(told.join("\n")).not.toContain("0123456789abcdef");
});

it("the log and the answers hold nothing of a talosconfig", async () => {
  const talosconfig = createTalosAuthority().talosconfig(["os:admin"]);
  const keys = [...talosconfig.matchAll(/(?:crt|key): (\S+)/g)].map(([, key = ""]) => key);
  const { run, told } = await running({}, { talosconfigText: talosconfig });
  const { exit, out } = await run("config", "diff", "gpu-01");
  expect([exit, out]).toEqual([1, expect.stringContaining("no address of it is known")]);
  expect(keys.length).toBeGreaterThan(1);
  expect(keys.filter((key) => `${out}${told.join("\n")}`.includes(key))).toEqual([]);
});

it("snapshots are kept where the configuration says, and the keys of a bucket are said to nobody", async () => {
  const folder = await running({ snapshots: { to: "./etcd" } });
  expect(await folder.run("snapshots")).toEqual({ exit: 0, out: "No snapshot is kept" });
  const s3 = { endpoint: "http://127.0.0.1:9", bucket: "etcd", accessKey: "GK1", secretKey: `\${env:S3}` };
  const bucket = await running({ snapshots: { to: { s3 } } }, { env: { S3: "s3-s3cret-s3cret" } });
  const { exit, out } = await bucket.run("snapshots");
  expect([exit, out]).toEqual([1, expect.stringContaining("127.0.0.1:9")]);
  expect(`${out}${bucket.told.join("")}`).not.toContain("s3-s3cret");
});
