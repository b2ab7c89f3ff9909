import { createServer, type RequestListener } from "node:http";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createCli, exitCodes } from "#adapters/cli/mod.ts";
import { LightsoutError } from "#events";
import { tokens } from "#test/adapters/http/rig.ts";
import { createRig } from "./rig.ts";

async function answering(listener: RequestListener) {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`, close };
}

describe("exit codes", () => {
  it("are documented in the help", async () => {
    const { run } = await createRig();
    const { exit, out } = await run("--help");
    expect(exit).toBe(0);
    for (const { code, meaning } of Object.values(exitCodes)) expect(out).toContain(`  ${code}  ${meaning}`);
    expect(Object.values(exitCodes).map(({ code }) => code)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(out).toContain("Without an installed command: npx lightsout …");
    expect((await run("power", "--help")).out).toContain("--url <url>");
    expect(await run("--version")).toMatchObject({ exit: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  it.each([
    [],
    ["nonsense"],
    ["power"],
    ["power", "explode", "r740-01"],
    ["power", "on", ""],
    ["power", "on", "r740-01", "--sudden"],
    ["power", "on", "r740-01", "extra"],
    ["emit", "node-lost", "machine"],
    ["emit", "node-lost", "--data", "["],
    ["emit", "node-lost", "--data", "[]"],
    ["emit", "node-lost", "round:=x"],
    ["runs", "--status", "done"],
    ...["x", "0", "1001", "1e2", "-1", "NaN", ""].map((limit) => ["runs", "--limit", limit]),
    ["runs", "--limit"],
    ["runs", "--machine"],
    ["runs", "--machine", ""],
    ["runs", "--machine", "--function", "node-lost"],
    ["runs", "--function", "--limit"],
    ["runs", "--url"],
    ["hold", "r740-01", "--reason", "--for"],
    ["hold", "r740-01"],
    ["hold", "planet", "earth", "--reason", "x"],
    ["hold", "r740-01", "--reason", "x", "--for", "soon"],
    ["hold", "", "--reason", "x"],
    ["identify", ""],
    ["identify", "r740-01", "--for", "soon"],
    ["identify", "r740-01", "--for", "1m", "--off"],
    ["trust", "r740-01", "blindly"],
    ["trust", "rack", "a", "auto"],
    ["resume", "run-1", "perhaps"],
    ["dead", "replay", "x"],
    ["show", ""],
    ["approve", "x", "--yes", "--refuse"],
    ["machines", "--url", "ftp://x"],
    ["machines", "--url", "http://me:secret@x"],
    ["machines", "--token", "two words"],
  ])("lightsout %s %s %s is wrong usage", async (...argv) => {
    const { run, desk } = await createRig();
    const { exit, err } = await run(...argv);
    expect([exit, desk.accepted]).toEqual([2, []]);
    expect(err).toMatch(/lightsout: \S/);
    expect(err).not.toMatch(/two words|secret|\n {4}at /);
    const document = JSON.parse((await run(...argv, "--json")).out);
    expect(document.error).toMatchObject({ exit: 2, code: expect.stringMatching(/^LO_CLI_/) });
  });

  it("nearly right commands are suggested", async () => {
    const { run } = await createRig();
    expect((await run("machnes")).err).toContain("Did you mean machines?");
  });

  it.each([
    [["power", "on", "r750"], "LO_UNKNOWN_MACHINE", 'No machine is called "r750"\n  Did you mean r740-01?'],
    [["emit", "node-ready", "machine=r740-01", "bootID=x"], "LO_EVENT_FORBIDDEN", "node-ready may be sent by Lightsout only"],
    [["runs", "--machine", "r750"], "LO_UNKNOWN_MACHINE", 'No machine is called "r750"\n  Did you mean r740-01?'],
    [["emit", "node-lost"], "LO_EVENT_INVALID", "node-lost: "],
    [["dead", "replay", "8"], "LO_DEAD_UNKNOWN", "there is no dead letter 8"],
    [["show", "no"], "LO_UNKNOWN_RUN", 'No run\'s id begins with "no"'],
    [["resume", "run-1", "happened"], "LO_RUN_NOT_PARKED", "Run run-1 is not parked"],
  ])("lightsout %s is refused with %s", async (argv, code, text) => {
    const { run, desk } = await createRig();
    desk.begin("run-1");
    const { exit, err } = await run(...argv);
    expect([exit, err.startsWith(`lightsout: ${text}`)]).toEqual([1, true]);
    expect(JSON.parse((await run("--json", ...argv)).out).error.code).toBe(code);
  });

  it("an ambiguous run is wrong usage, and names some", async () => {
    const { run, desk } = await createRig();
    for (const id of ["aa1", "aa2", "aa"]) desk.begin(id);
    expect(await run("show", "a")).toMatchObject({ exit: 2, err: expect.stringContaining("aa, aa2, aa1") });
    expect((await run("show", "aa")).exit).toBe(0);
    expect((await run("show", "aa1")).exit).toBe(0);
  });

  it("without, with a wrong, or with a weak token it is not authorised", async () => {
    const { run, desk } = await createRig({ app: { tokens } });
    expect(await run("machines")).toMatchObject({ exit: 4, err: expect.stringContaining("LIGHTSOUT_TOKEN") });
    const wrong = await run("machines", "--token", "hunter2");
    expect([wrong.exit, wrong.err.includes("hunter2")]).toEqual([4, false]);
    expect(await run("freeze", "--reason", "x", "--token", "viewer-token")).toMatchObject({
      exit: 4,
      err: expect.stringContaining("operator"),
    });
    expect((await run("trust", "r740-01", "auto", "--token", "operator-token")).exit).toBe(4);
    expect(desk.accepted).toEqual([]);
    expect((await run("--token", "viewer-token", "machines")).exit).toBe(0);
  });

  it("takes the token from the environment", async () => {
    const { served, run } = await createRig({ app: { tokens }, hooks: { env: { LIGHTSOUT_TOKEN: "viewer-token" } } });
    expect((await run("machines", "--url", served.url)).exit).toBe(0);
  });

  it("nothing there cannot be reached", async () => {
    const { served, run } = await createRig();
    await served.close();
    expect(await run("machines")).toMatchObject({ exit: 3, err: expect.stringContaining("lightsout serve") });
    expect(JSON.parse((await run("machines", "--json")).out).error).toMatchObject({ exit: 3 });
  });

  it.each([
    ["http://127.0.0.1:1", "No HTTP is spoken on the port of http://127.0.0.1:1: it is reserved for another protocol (bad port)"],
    ["http://lightsout.invalid", "No address is known for the host of http://lightsout.invalid (E"],
  ])("what is wrong with %s is said", async (url, text) => {
    const { run } = await createRig();
    const { exit, err } = await run("freeze", "--url", url);
    expect([exit, err]).toEqual([3, expect.stringContaining(`lightsout: ${text}`)]);
    expect(err).toContain("--url or LIGHTSOUT_URL");
    expect(err).not.toContain("may have taken effect");
  });

  it("a freeze that does not get through names the file that stops everything", async () => {
    const { desk, run } = await createRig();
    desk.set({ fails: new LightsoutError("LO_STORE", "the disk is gone", { hint: "Mount it" }) });
    expect(await run("freeze")).toMatchObject({ exit: 1, err: expect.stringMatching(/the disk is gone\n {2}Mount it\. .*touch STOP/) });
    expect((await run("freeze", "--url", "http://127.0.0.1:1")).err).toContain("touch STOP");
  });

  it("https where there is no TLS is said", async () => {
    const { run, served } = await createRig();
    const { exit, err } = await run("freeze", "--url", served.url.replace("http:", "https:"));
    expect([exit, err]).toEqual([3, expect.stringContaining("does not speak TLS")]);
  });

  it("what is missing is looked up in the help of that command", async () => {
    const { run } = await createRig();
    expect((await run("attest", "r740-01")).err).toContain("See: lightsout attest --help");
    expect((await run("dead", "replay")).err).toContain("See: lightsout dead replay --help");
    expect((await run("nonsense")).err).toContain("See: lightsout --help");
  });

  it("hold without arguments asks first what is to be held", async () => {
    const { run } = await createRig();
    expect((await run("hold")).err).toContain("missing required argument 'machine|pool|rack'");
    expect((await run("hold", "r740-01")).err).toContain("--reason is missing");
  });

  it("a connection that breaks off says that a change may have taken effect", async () => {
    const { url, close } = await answering((request) => request.socket.destroy());
    const { run } = await createRig();
    expect(await run("freeze", "--reason", "x", "--url", url)).toMatchObject({
      exit: 3,
      err: expect.stringContaining("may have taken effect"),
    });
    close();
  });

  it.each<[string, number, string]>([
    ["a page", 200, "<html>hello</html>"],
    ["a number", 200, "7"],
    ["a proxy's error", 502, "<html>Bad Gateway</html>"],
    ["null", 500, "null"],
    ["a redirect", 302, ""],
  ])("%s is not Lightsout", async (_, status, body) => {
    const { url, close } = await answering((__, reply) => void reply.writeHead(status, { location: "http://127.0.0.1:1/" }).end(body));
    const { run } = await createRig();
    const { exit, err } = await run("machines", "--url", url);
    expect([exit, err]).toEqual([1, expect.stringMatching(/not Lightsout|not as Lightsout does/)]);
    close();
  });
});

describe("hooks", () => {
  it("serve gets its configuration, and its failure is said without a stack", async () => {
    const configs: string[] = [];
    const serve = async ({ config }: { config: string }) => {
      configs.push(config);
      if (config === "bad.yaml") throw new LightsoutError("LO_CONFIG", "bad.yaml:1: no", { hint: "Correct it" });
      if (config === "bug.yaml") throw new TypeError("x is undefined");
    };
    const { run } = await createRig({ hooks: { serve } });
    expect((await run("serve")).exit).toBe(0);
    expect(await run("serve", "--config", "bad.yaml")).toEqual({ exit: 1, out: "", err: "lightsout: bad.yaml:1: no\n  Correct it" });
    const bug = await run("serve", "--config", "bug.yaml");
    expect([bug.exit, bug.err.includes("    at ")]).toEqual([1, false]);
    expect(configs).toEqual(["lightsout.yaml", "bad.yaml", "bug.yaml"]);
  });

  it("demo answers the exit code itself", async () => {
    const given: unknown[] = [];
    const demo = async (options: unknown) => given.push(options) + 41;
    const { run } = await createRig({ hooks: { demo } });
    expect((await run("demo", "--json", "--store", "nats://x")).exit).toBe(42);
    await run("demo");
    await run("demo", "upgrade", "--fault", "rollback");
    expect(given).toEqual([{ json: true, store: "nats://x" }, { json: false }, { json: false, story: "upgrade", rollback: true }]);
  });

  it("a fault of an upgrade is none of another story", async () => {
    const { run } = await createRig({ hooks: { demo: async () => 0 } });
    for (const story of [[], ["rebuild"]]) {
      const { exit, err } = await run("demo", ...story, "--fault", "rollback");
      expect([exit, err]).toEqual([2, expect.stringContaining("lightsout demo upgrade --fault rollback")]);
    }
  });
});

it("never throws, whatever it is given", async () => {
  const words = fc.constantFrom(
    "power",
    "on",
    "runs",
    "show",
    "--json",
    "--",
    "--help",
    "emit",
    "hold",
    "--reason",
    "approve",
    "dead",
    "token",
  );
  const env = { LIGHTSOUT_URL: "http://127.0.0.1:1" };
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(words, fc.string()), { maxLength: 5 }), async (argv) => {
      const hooks = {
        serve: async () => undefined,
        demo: async () => 0,
        doctor: async () => [],
        schema: async () => ({}),
        init: async () => ({ file: "lightsout.yaml", machines: [], variables: [] }),
        out: () => undefined,
        err: () => undefined,
        env,
        terminal: undefined,
      };
      expect(Object.values(exitCodes).map(({ code }) => code as number)).toContain(await createCli(hooks).run(argv));
    }),
    { numRuns: 200 },
  );
});
