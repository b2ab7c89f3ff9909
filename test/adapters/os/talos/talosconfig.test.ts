import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTalos, findTalosconfig } from "#adapters/os/talos/mod.ts";
import { loadTalosconfig } from "#adapters/os/talos/talosconfig.ts";
import { LightsoutError, systemClock } from "#events";
import { authority, createRig } from "./rig.ts";

const good = authority.talosconfig(["os:admin"]);
const secrets = [...good.matchAll(/(?:ca|crt|key): (\S+)/g)].map(([, secret = ""]) => secret);

function fault(text: string, context?: string): LightsoutError {
  try {
    loadTalosconfig({ text, ...(context === undefined ? {} : { context }) });
  } catch (error) {
    if (error instanceof LightsoutError) return error;
    throw error;
  }
  throw new Error("expected an error");
}

test("a talosconfig is read with its Ed25519 key, roles and end", () => {
  const { context, endpoints, key, roles, expiresAt } = loadTalosconfig({ text: authority.talosconfig(["os:operator", "os:etcd:backup"]) });
  expect({ context, endpoints, roles }).toEqual({ context: "lab", endpoints: ["127.0.0.1"], roles: ["os:operator", "os:etcd:backup"] });
  expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----/);
  expect(Math.round((expiresAt - Date.now()) / 86_400_000)).toBe(365);
});

test("another context than the current one can be chosen, and the endpoint of an old file counts", () => {
  const two = good.replace("contexts:\n", "contexts:\n    empty:\n        endpoints: []\n");
  expect(loadTalosconfig({ text: two }).context).toBe("lab");
  const old = good.replace(/endpoints:\n.*\n/, "target: 10.0.0.1\n");
  expect(loadTalosconfig({ text: old }).endpoints).toEqual(["10.0.0.1"]);
  expect(fault(two, "empty")).toMatchObject({
    code: "LO_CONFIG",
    message: "the talosconfig: its context empty has no endpoints",
    hint: "Name the control planes with: talosctl config endpoint <address> …",
  });
});

describe("what is wrong is said with the fix, and without a secret", () => {
  test.each([
    ["nothing", "", "is not a talosconfig"],
    ["a list", "- a\n- b\n", "is not a talosconfig"],
    ["no YAML", "context: [lab\n  key: 'x", "cannot be read (not YAML)"],
    ["no current context", good.replace("context: lab", "context: ''"), "names no current context"],
    ["an unknown context", good.replace("context: lab", "context: prod"), "has no context prod"],
    ["no endpoints", good.replace(/endpoints:\n.*\n/, "endpoints: []\n"), "its context lab has no endpoints"],
    ["no key", good.replace(/ {8}key: .*\n/, ""), "the key of its context lab is not base64 of a PEM"],
    [
      "a crt that is none",
      good.replace(/crt: .*/, `crt: ${Buffer.from("-----BEGIN CERTIFICATE-----\nAAAA\n").toString("base64")}`),
      "cannot make sense of the crt",
    ],
    [
      "a key of another crt",
      good.replace(/key: .*/, /key: .*/.exec(authority.talosconfig(["os:admin"]))?.[0] ?? ""),
      "the key does not belong to the crt",
    ],
    [
      "Omni",
      good.replace("        ca:", "        auth:\n            siderov1:\n                identity: a@b.c\n        ca:"),
      "logs in through Omni",
    ],
    ["a prototype's name", good.replace("context: lab", "context: constructor"), "has no context constructor"],
  ])("%s", (_, text, why) => {
    const error = fault(text);
    expect(error.code).toBe("LO_CONFIG");
    expect(error.message).toContain(why);
    expect(error.hint).toContain("talos");
    for (const secret of secrets) expect(error.message + error.hint).not.toContain(secret.slice(0, 30));
  });
});

test("the file and the command are named", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lightsout-talosconfig-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "config");
  expect(() => loadTalosconfig({ file })).toThrow(`${file}: cannot be read (ENOENT)`);
  await writeFile(file, good.replace(/endpoints:\n.*\n/, "endpoints: []\n"));
  const make = () => createTalos({ talosconfig: { file }, addressOf: () => undefined, clock: systemClock });
  expect(make).toThrow(
    expect.objectContaining({
      message: `${file}: its context lab has no endpoints`,
      hint: expect.stringContaining(`--talosconfig ${file} config endpoint`),
    }),
  );
});

test("a renewed file is taken up at the next connect, one that went bad is said so", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lightsout-talosconfig-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "config");
  await writeFile(file, authority.talosconfig(["os:reader"]));
  const { machine, talos, box } = await createRig({ talos: { talosconfig: { file } } });
  await machine.version();
  expect(talos.credential().roles).toEqual(["os:reader"]);
  await writeFile(file, authority.talosconfig(["os:admin"]));
  expect(talos.credential().roles).toEqual(["os:admin"]);
  box.os.host.press("reset", "test");
  await expect.poll(() => box.os.serving()).toBe(true);
  await machine.bootId();
  expect(box.calls.at(-1)?.roles).toEqual(["os:admin"]);
  await writeFile(file, "garbage: true");
  expect(() => talos.credential()).toThrow("is not a talosconfig");
  box.os.host.press("reset", "test");
  await expect.poll(() => box.os.serving()).toBe(true);
  await expect(machine.version()).rejects.toMatchObject({ code: "LO_TALOS_AUTH", effect: "none" });
});

test("the file is looked for where talosctl does", () => {
  const nowhere = () => false;
  expect(findTalosconfig({ TALOSCONFIG: "/a/b", HOME: "/root" }, nowhere)).toBe("/a/b");
  expect(findTalosconfig({ TALOS_HOME: "/t", HOME: "/root" }, (file) => file === "/t/config")).toBe("/t/config");
  expect(findTalosconfig({ HOME: "/root" }, (file) => file.startsWith("/var/run"))).toBe("/var/run/secrets/talos.dev/config");
  expect(findTalosconfig({ HOME: "/root" }, nowhere)).toBe("/root/.talos/config");
});

test("whatever the file holds, the answer is a configuration or LO_CONFIG", () => {
  const lines = good.split("\n");
  const damaged = fc.oneof(
    fc.string(),
    fc.tuple(fc.nat(lines.length - 1), fc.string()).map(([at, line]) => lines.with(at, line).join("\n")),
    fc.tuple(fc.nat(good.length), fc.nat(40)).map(([at, length]) => good.slice(0, at) + good.slice(at + length)),
    fc.json(),
  );
  fc.assert(
    fc.property(damaged, (text) => {
      try {
        expect(loadTalosconfig({ text }).endpoints.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toMatchObject({ code: "LO_CONFIG" });
      }
    }),
    { numRuns: 300 },
  );
});
