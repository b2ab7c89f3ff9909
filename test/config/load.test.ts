import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { createInventory } from "#adapters/inventory/mod.ts";
import { ConfigError, loadConfig, parseConfig } from "#config/load.ts";
import { machinesOf, patienceOf } from "#config/machines.ts";
import { kgBytes } from "#config/schema/bmc.ts";
import { Secret } from "#config/secret.ts";
import { editorErrors } from "./editor.ts";

const env = { HOME: "/home/op", PW: "hunter2-in-env", KG: "k".repeat(21), HEX: `0x${"ab".repeat(20)}` };
const parse = (text: string) => {
  const config = parseConfig(text, { file: "lightsout.yaml", folder: "/etc/lightsout", env });
  expect(editorErrors(text)).toEqual([]);
  return config;
};

/** The problems of a text, each as `line:column path: message → fix`. */
const problems = (text: string): string[] => {
  try {
    parse(text);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.code).toBe("LO_CONFIG");
    return error.problems.map(({ line, column, path, message, fix }) => `${line}:${column} ${path}: ${message} → ${fix}`);
  }
  return [];
};

describe("a good configuration", () => {
  const example = new URL("../../config/example.yaml", import.meta.url).pathname;
  const secrets = { ...env, CP_01_BMC_PASSWORD: "a", R740_01_BMC_PASSWORD: "b", WS_01_BMC_PASSWORD: "c" };

  it("is the example, which does nothing by itself", () => {
    const { config, file } = loadConfig(example, { env: secrets });
    expect(file).toBe(example);
    expect(config.trust).toBe("observe");
    expect(
      config.machines.map(({ name, role, pool, trust, bmc, bootTime, patience }) => [
        name,
        role,
        pool,
        trust,
        bmc?.kind,
        bootTime,
        patience,
      ]),
    ).toEqual([
      ["cp-01", "control-plane", "general", "observe", "redfish", "5m", "5m"],
      ["desk-01", "worker", "general", "observe", undefined, "5m", "5m"],
      ["r740-01", "worker", "gpu", "observe", "redfish", "12m", "15m"],
      ["ws-01", "worker", "gpu", "observe", "ipmi", "12m", "15m"],
      ["vm-01", "worker", "general", "observe", undefined, "2m", "5m"],
    ]);
    expect(config.machines.map(({ talos }) => [talos?.version, talos?.profile, talos?.disk])).toEqual([
      ["v1.13.9", "general, redfish, 0 GPUs, 37656798", { serial: "S6B0NL0T501234" }],
      ["v1.13.9", "general, no BMC, 0 GPUs, 37656798", undefined],
      ["v1.13.9", expect.stringMatching(/^gpu, redfish, 2 GPUs, /), { wwid: "eui.0025385b21404321" }],
      ["v1.13.9", expect.stringMatching(/^gpu, ipmi, 4 GPUs, /), undefined],
      ["v1.13.9", "general, no BMC, 0 GPUs, 37656798", undefined],
    ]);
    expect(config.machines[2]?.bmc).toMatchObject({ user: "lightsout", auth: "auto", tls: { verify: "first-use", legacy: false } });
  });

  it("becomes an inventory without credentials", () => {
    const { config } = loadConfig(example, { env: secrets });
    const inventory = createInventory({ site: config.site, machines: machinesOf(config), patience: patienceOf(config) });
    expect(inventory.byNode("talos-r740-01")).toEqual({
      name: "r740-01",
      uuid: "4c4c4544-0056-3510-8033-b7c04f4a4e32",
      serial: "7V53JN2",
      macs: ["e4:43:4b:aa:03:01", "e4:43:4b:aa:03:02"],
      role: "worker",
      pool: "gpu",
      rack: "a",
      domains: ["switch:tor-1", "pdu:a", "pdu:b"],
      bmc: { kind: "redfish", address: "10.0.10.31" },
      node: "talos-r740-01",
      address: "10.0.20.31",
      gpus: 2,
      bootTime: "12m",
      trust: "observe",
      disposable: false,
      pet: false,
      carriesLightsout: false,
      foundOff: "ask",
    });
    expect(inventory.patience("r740-01")).toBe("15m");
    expect(inventory.patience("cp-01")).toBe("5m");
  });

  it("needs nothing but a machine, and every default is the safe one", () => {
    expect(parse("machines: [{name: a}]")).toEqual({
      site: "default",
      store: { kind: "embedded", path: "/etc/lightsout/lightsout.db" },
      http: { listen: { host: "127.0.0.1", port: 7480 }, tokens: [] },
      trust: "observe",
      patience: "5m",
      grace: "2m",
      guards: { storm: { share: 0.2, window: "10m", cooldown: "10m" }, budget: { perMachine: ["2/6h", "3/24h", "5/7d"], fleet: "4/24h" } },
      machines: [
        {
          name: "a",
          macs: [],
          role: "worker",
          pool: "default",
          domains: [],
          node: "a",
          gpus: 0,
          bootTime: "5m",
          patience: "5m",
          trust: "observe",
          disposable: false,
          pet: false,
          carriesLightsout: false,
          foundOff: "ask",
        },
      ],
      timezone: "UTC",
      storage: "auto",
      upgrade: { soak: "10m", within: "30m" },
      coldStart: { pools: [], stagger: "15s" },
      drift: { repair: [] },
      serving: "report",
      stopFile: "/etc/lightsout/STOP",
    });
  });

  it("names machines by key or in a list, in the order of neither digits nor letters", () => {
    const list = parse("machines:\n  - {name: b, gpus: 2}\n  - {name: a}\n").machines;
    expect(parse("machines:\n  b: {gpus: 2}\n  a:\n").machines).toEqual(list);
    expect(list.map(({ name, bootTime }) => `${name} ${bootTime}`)).toEqual(["b 10m", "a 5m"]);
  });

  it("moves to NATS in one line", () => {
    expect(parse("store: nats://10.0.10.5:4222").store).toEqual({ kind: "nats", servers: ["nats://10.0.10.5:4222"], replicas: 1 });
    expect(parse("store: nats://a,nats://b,tls://c:4443").store).toMatchObject({
      servers: ["nats://a:4222", "nats://b:4222", "tls://c:4443"],
      replicas: 3,
    });
    const { store } = parse(
      `store: {nats: {servers: [nats://a], auth: {user: lo, password: "\${env:PW}"}, tls: {ca: "${import.meta.filename}"}}}`,
    );
    expect(store).toMatchObject({ auth: { kind: "password", user: "lo" }, tls: { ca: import.meta.filename } });
  });

  it("takes a machine's own word before its pool's and its pool's before the defaults'", () => {
    const { machines } = parse(`
trust: ask
defaults: {gpus: 1, bootTime: 3m, bmc: {user: all, password: "\${env:PW}", kind: redfish}}
pools: {p: {gpus: 2, trust: auto, bmc: {user: pool}}}
machines:
  a: {bmc: {address: 10.0.0.1}}
  b: {pool: p, bmc: {address: 10.0.0.2}}
  c: {pool: p, gpus: 3, trust: observe, bmc: {address: 10.0.0.3, user: own, tls: {plain: true}}}
  d: {pool: p}
`);
    expect(machines.map(({ gpus, trust, bootTime, bmc }) => [gpus, trust, bootTime, bmc?.user])).toEqual([
      [1, "ask", "3m", "all"],
      [2, "auto", "3m", "pool"],
      [3, "observe", "3m", "own"],
      [2, "auto", "3m", undefined],
    ]);
    expect(machines[2]?.bmc).toMatchObject({ tls: { verify: "plain" } });
  });

  it("lets a key without a value stand for its default", () => {
    const config = parse("store:\nhttp:\nguards:\ndefaults:\npools:\n  gpu:\nmachines:\n  a:\n    pool: gpu\n    bmc:\n    macs:\n");
    expect(config).toEqual(parse("machines: [{name: a, pool: gpu}]"));
  });

  it("keeps texts as they were written and brings identities into one spelling", () => {
    const [machine] = parse(
      'machines: [{name: a, serial: 0012, uuid: "{4C4C45440043301080 52B4C04F564231}", macs: [3C-EC-EF-12-34-56, 3cec.ef12.3457], address: "[FD00::1]"}]'.replace(
        "80 52",
        "8052",
      ),
    ).machines;
    expect(machine).toMatchObject({
      serial: "0012",
      uuid: "4c4c4544-0043-3010-8052-b4c04f564231",
      macs: ["3c:ec:ef:12:34:56", "3c:ec:ef:12:34:57"],
      address: "fd00::1",
    });
  });

  it("may begin with a byte order mark and use anchors", () => {
    const { machines } = parse("\uFEFFmachines:\n  a: {domains: &d [switch:1]}\n  b: {domains: *d}\n");
    expect(machines[1]?.domains).toEqual(["switch:1"]);
  });
});

describe("secrets", () => {
  const bmc = (password: string) => `machines: {a: {bmc: {kind: ipmi, address: 10.0.0.1, user: root, password: ${password}}}}`;

  it("come from the environment or a file, without the last line break, and never show", () => {
    const folder = mkdtempSync(join(tmpdir(), "lightsout-"));
    writeFileSync(join(folder, "bmc.txt"), "from a file\n");
    for (const [reference, expected] of [
      [`\${env:PW}`, "hunter2-in-env"],
      [`\${file:bmc.txt}`, "from a file"],
      [`\${file:./bmc.txt}`, "from a file"],
    ] as const) {
      const config = parseConfig(bmc(`"${reference}"`), { file: "lightsout.yaml", folder, env });
      const password = config.machines[0]?.bmc?.password;
      expect(password?.reveal()).toBe(expected);
      for (const text of [
        JSON.stringify(config),
        inspect(config, { depth: 9, showHidden: true }),
        `${password}`,
        JSON.stringify({ ...password }),
      ]) {
        expect(text).not.toContain(expected);
      }
      expect(JSON.stringify(password)).toBe('"‹secret›"');
    }
  });

  it("are refused in the file itself, without being repeated", () => {
    for (const text of [
      bmc("hunter2"),
      bmc("[hunter2]"),
      bmc("{x: hunter2}"),
      bmc(`prefix-\${env:PW}-hunter2`)
        .replace(/\{(?=env)/, "(")
        .replace("PW}", "PW)"),
    ]) {
      const found = problems(text);
      expect(found[0]).toMatch(/machines\.a\.bmc\.password: A secret stands in the file itself → Write \$\{env:NAME\} or \$\{file:path\}/);
      expect(found.join()).not.toContain("hunter2");
    }
  });

  it("that are not there are named, all at once", () => {
    const text = `
defaults: {bmc: {user: root, kind: redfish}}
machines:
  a: {bmc: {address: 10.0.0.1, password: "\${env:NOT_SET}"}}
  b: {bmc: {address: 10.0.0.2, password: "\${file:no/such}"}}
  c: {bmc: {address: 10.0.0.3, password: "\${file:/}"}}
  d: {bmc: {address: 10.0.0.4, password: "\${env:EMPTY}"}}
`;
    const found = (() => {
      try {
        return parseConfig(text, { file: "l.yaml", folder: "/nowhere", env: { EMPTY: "\n" } });
      } catch (error) {
        return error instanceof ConfigError ? error.problems.map(({ line, message }) => `${line} ${message}`) : error;
      }
    })();
    expect(found).toEqual([
      "4 The environment variable NOT_SET is not set",
      "5 The file /nowhere/no/such does not exist",
      "6 The file / is a folder",
      "7 The environment variable EMPTY is empty",
    ]);
  });

  it("are not read into what is shown", () => {
    expect(problems(`machines: {a: {address: "\${env:PW}"}}`)).toEqual([
      "1:25 machines.a.address: References are read for secrets only → Write a host name or an IP address",
    ]);
  });

  it("do not slip out of URLs", () => {
    for (const text of [
      "store: nats://me:hunter2@10.0.0.5:4222",
      "store: nats://me:hunter2/x@10.0.0.5:4222",
      "store: nats://me:hunter2,x@10.0.0.5:4222",
      "store: nats://me:hunter2",
      "machines: {a: {address: 'https://me:hunter2@10.0.0.5'}}",
    ]) {
      expect(problems(text)).not.toEqual([]);
      expect(problems(text).join()).not.toContain("hunter2");
    }
  });

  it("that IPMI cannot carry are refused before they lock the account", () => {
    expect(problems(bmc(`"\${env:KG}"`)).join()).toContain("longer than the 20 bytes that IPMI allows");
    expect(problems(bmc(`"\${env:PW}", kg: "\${env:KG}"`))).toEqual([
      "1:92 machines.a.bmc.kg: This is longer than the 20 bytes that IPMI allows → Set a shorter one at the BMC, or use redfish",
    ]);
  });

  it("for K_g are texts or hexadecimal digits", () => {
    expect(kgBytes(new Secret("0x00FF10"))).toEqual(Buffer.from([0, 255, 16]));
    expect(kgBytes(new Secret("0x0"))).toEqual(Buffer.from("0x0"));
    const { machines } = parse(bmc(`"\${env:PW}", kg: "\${env:HEX}"`));
    const controller = machines[0]?.bmc;
    expect(controller?.kind === "ipmi" && controller.kg && kgBytes(controller.kg)).toHaveLength(20);
  });
});

describe("a wrong configuration", () => {
  it("names every place, what is there and what to write", () => {
    expect(
      problems(`site: Home Lab
trust: yolo
htp: {}
machines:
  gpu-01:
    bmc:
      kind: redfsh
      adress: 10.0.0.1
    gpus: many
    bootTime: 5 minutes
    macs: [3c:ec:ef:12:34]
  gpu-02:
    uuid: 03000200-0400-0500-0006-000700080009
    serial: To be filled by O.E.M.
    address: 10.0.0.256
`),
    ).toMatchInlineSnapshot(`
      [
        "1:7 site: "Home Lab" cannot be a site's name → Write up to 32 lower-case letters, digits and -",
        "2:8 trust: "yolo" is not observe, ask or auto → Write observe, ask or auto",
        "3:1 htp: "htp" is not a known key → Did you mean http?",
        "7:13 machines.gpu-01.bmc.kind: "redfsh" is not redfish, ipmi or none → Write redfish, ipmi or none",
        "8:7 machines.gpu-01.bmc.adress: "adress" is not a known key → Did you mean address?",
        "9:11 machines.gpu-01.gpus: "many" does not fit → Write a whole number from 0 to 64",
        "10:15 machines.gpu-01.bootTime: "5 minutes" is not a duration → Write it like "90s", "5m" or "2h"",
        "11:12 machines.gpu-01.macs.0: "3c:ec:ef:12:34" is not a MAC address → Write six pairs such as 3c:ec:ef:12:34:56",
        "13:11 machines.gpu-02.uuid: "03000200-0400-0500-0006-000700080009" is a maker's placeholder: other boards have it too → Leave the key out; serial and macs identify the machine",
        "14:13 machines.gpu-02.serial: "To be filled by O.E.M." identifies no machine → Leave the key out; uuid and macs identify it",
        "15:14 machines.gpu-02.address: "10.0.0.256" is not a host name or an IP address → Write the host name or IP address alone, such as 10.0.10.21; a port has its own key",
      ]
    `);
  });

  it("names the file in its message, and the problems one by one", () => {
    expect(() => parse("trust: yolo\nsite: X")).toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: lightsout.yaml has 2 problems:
        lightsout.yaml:1:8 trust: "yolo" is not observe, ask or auto
          → Write observe, ask or auto
        lightsout.yaml:2:7 site: "X" cannot be a site's name
          → Write up to 32 lower-case letters, digits and -]
    `);
  });

  it("counts the places of machines that are written by number", () => {
    expect(problems("machines:\n  10: {gpus: x}\n  9: {}\n  1: {gpus: y}\n").map((problem) => problem.split(": ")[0])).toEqual([
      "2:14 machines.10.gpus",
      "4:13 machines.1.gpus",
    ]);
  });

  it("tells what shares what only one machine can have, and both lines", () => {
    expect(
      problems(`machines:
  - {name: a, uuid: 4c4c4544-0043-3010-8052-b4c04f564231, serial: S1, macs: [3c:ec:ef:12:34:56], address: 10.0.0.1}
  - {name: b, uuid: 44454C4C-4300-1030-8052-B4C04F564231, serial: s1, macs: [3CECEF123456], address: 10.0.0.1}
  - {name: c, bmc: {kind: redfish, address: BMC.lan, user: u, password: "\${env:PW}"}}
  - {name: d, bmc: {kind: redfish, address: bmc.lan, port: 443, user: u, password: "\${env:PW}"}}
  - {name: e, bmc: {kind: ipmi, address: bmc.lan, user: u, password: "\${env:PW}"}}
  - {name: a}
  - {name: f, node: c}
`).map((problem) => problem.split(" → ")[0]),
    ).toEqual([
      "3:21 machines.1.uuid: The same uuid is given for a in line 2",
      "3:67 machines.1.serial: The same serial is given for a in line 2",
      "3:78 machines.1.macs.0: The same MAC address is given for a in line 2",
      "3:102 machines.1.address: The same address is given for a in line 2",
      "5:45 machines.3.bmc.address: The same BMC address is given for c in line 4",
      "7:12 machines.5.name: The same name is given for a in line 2",
      "8:21 machines.6.node: The same Node is given for c in line 4",
    ]);
  });

  it("is one that listens to others without tokens, and says how to make one", () => {
    for (const address of ["0.0.0.0:7480", "10.0.0.5:80", "'[::]:7480'", "storage.lan:7480"]) {
      expect(problems(`http: {listen: ${address}}`).join()).toMatch(
        /reachable from outside, and there are no tokens → Make one with: openssl rand/,
      );
    }
    for (const address of ["127.0.0.1:0", "localhost:7480", "'[::1]:7480'", "127.9.9.9:1"])
      expect(problems(`http: {listen: ${address}}`)).toEqual([]);
    const token = (sha256: string) => `http: {listen: 0.0.0.0:7480, tokens: [{name: me, role: admin, sha256: ${sha256}}]}`;
    expect(problems(token("9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"))).toEqual([]);
    expect(problems(token("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")).join()).toContain(
      "SHA-256 of an empty text",
    );
    expect(problems(token("secret")).join()).toContain("is not a SHA-256 digest");
  });

  it.each([
    ["machines: {a: {bmc: {kind: redfish}}}", "The address of the BMC is missing"],
    ["machines: {a: {bmc: {kind: amt}}}", "Intel AMT is not supported yet: write none"],
    ["machines: {a: {bmc: {address: 10.0.0.1}}}", "The kind of the BMC is missing"],
    ["machines: {a: {bmc: {kind: none, tls: {pin: abc}}}}", "is not a SHA-256 fingerprint"],
    [
      `machines: {a: {bmc: {kind: redfish, address: b, user: u, password: "\${env:PW}", tls: {plain: true, ca: x}}}}`,
      "ca and plain exclude each other",
    ],
    ["machines: {a: {bmc: {kind: redfish, address: 'https://10.0.0.1'}}}", "is a URL"],
    ["machines: {a: {bmc: {kind: ipmi, cipherSuite: 0}}}", "is not a secure cipher suite"],
    ["machines: {A: {}}", "cannot be a name"],
    ["machines: {a: {name: b}}", "another name here than its key"],
    ["machines: [a]", "This is not a map"],
    ["machines: a", "This is not a list"],
    ["machines: {a: {macs: [ff:ff:ff:ff:ff:ff]}}", "no card's own address"],
    ["machines: {a: {domains: switch}}", "This is not a list"],
    ["pools: {gpus: {trust: ask}}\nmachines: {a: {pool: gpu}}", "Did you mean gpu?"],
    ["pools: {A: {}}", "The name cannot be used"],
    ["guards: {storm: {share: 100%}}", "at most 0.5"],
    ["guards: {budget: {perMachine: []}}", "The list is empty"],
    ["guards: {budget: {fleet: 4 per day}}", "is not a limit"],
    ["store: {embedded: {}, nats: {servers: nats://a}}", "Two stores are given"],
    ["store: postgres://a", "is not the URL of a NATS server"],
    ["store: {nats: {servers: nats://a, auth: {user: u}}}", "A user and a password belong together"],
    ["cluster: {context: a}", "This is missing"],
    ["patience: 3d", "at most 24h"],
    ["defaults: {trust: auto}", "is not a known key"],
    ["constructor: {}", "is not a known key"],
    ["- a\n- b", "This is not a map"],
    ["just a text", "This is not a map"],
  ])("is %j", (text, expected) => {
    expect(problems(text).join("\n")).toContain(expected);
  });

  it("is a file that is not there, named as it was asked for", () => {
    expect(() => loadConfig("no/such.yaml", { env })).toThrowErrorMatchingInlineSnapshot(`
      [ConfigError: no/such.yaml has a problem:
        no/such.yaml:1:1 The file does not exist
          → Copy config/example.yaml to lightsout.yaml, or name the file that is meant]
    `);
    expect(() => loadConfig(tmpdir(), { env })).toThrow("This is a folder");
  });

  it("is one that needs files that are not there, wherever they were written", () => {
    expect(
      problems(`functions: ./mine
defaults: {bmc: {user: u, kind: redfish, password: "\${env:PW}", tls: {ca: ca.pem}}}
machines:
  a: {bmc: {address: 10.0.0.1}}
`),
    ).toEqual([
      "1:12 functions: /etc/lightsout/mine is no folder that can be read → Correct the path; it is relative to the folder of this file",
      "4:7 machines.a.bmc.tls.ca: /etc/lightsout/ca.pem is no file that can be read → Correct the path; it is relative to the folder of this file",
    ]);
  });

  it("does not hide behind the defaults of the example", () => {
    const example = readFileSync(new URL("../../config/example.yaml", import.meta.url), "utf8");
    expect(problems(example).map((problem) => problem.split(" ").slice(1, 2).join())).toEqual([
      "machines.cp-01.bmc.password:",
      "machines.r740-01.bmc.password:",
      "machines.ws-01.bmc.password:",
    ]);
  });
});
