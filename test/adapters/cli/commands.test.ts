import { describe, expect, it } from "vitest";
import { tokenDigest } from "#adapters/http/token.ts";
import { createFakeTime } from "#events/testing/mod.ts";
import { parkedFact } from "#test/adapters/http/desk.ts";
import { createRig } from "./rig.ts";

const asked = {
  is: "asked",
  step: "agree",
  nonce: "nonce-1",
  digest: "digest-1",
  ask: "Cycle r740-01?",
  plan: {},
  from: "operators",
} as const;

describe("what is sent", () => {
  it.each<[string, string, unknown]>([
    ["power on r740-01", "power-on-requested", { machine: "r740-01" }],
    ["power off r740-01 --hard --reason=smoke", "power-off-requested", { machine: "r740-01", hard: true, reason: "smoke" }],
    ["power cycle r740-01 --confirm r740-01", "power-cycle", { machine: "r740-01", confirm: "r740-01" }],
    ["emit node-lost machine=r740-01 round:=2", "node-lost", { machine: "r740-01", round: 2 }],
    [
      'emit power-cycle --data {"machine":"r740-01"} hard=true reason=a=b',
      "power-cycle",
      { machine: "r740-01", hard: true, reason: "a=b" },
    ],
    ["hold r740-01 --reason disks", "hold-requested", { scope: "machine", name: "r740-01", reason: "disks" }],
    ["hold pool gpu --reason disks", "hold-requested", { scope: "pool", name: "gpu", reason: "disks" }],
    ["release pool gpu", "hold-released", { scope: "pool", name: "gpu" }],
    ["release r740-01", "hold-released", { scope: "machine", name: "r740-01" }],
    ["freeze", "freeze-requested", { reason: "no reason given" }],
    ["freeze --reason storm", "freeze-requested", { reason: "storm" }],
    ["unfreeze --reason over", "freeze-released", { reason: "over" }],
    ["trust r740-01 auto", "trust-changed", { scope: "machine", name: "r740-01", trust: "auto" }],
    ["trust pool gpu ask", "trust-changed", { scope: "pool", name: "gpu", trust: "ask" }],
    ["cancel par --reason late", "run-cancel-requested", { run: "parked-1", reason: "late" }],
    ["resume parked did-not-happen", "run-resume-requested", { run: "parked-1", step: "power off", word: "did-not-happen" }],
    ["dead replay 7", "node-lost", { machine: "r740-01" }],
  ])("%s sends %s", async (line, type, data) => {
    const { run, desk } = await createRig();
    desk.begin("parked-1", { status: "parked" });
    desk.write("parked-1", parkedFact());
    expect(await run(...line.split(" "))).toMatchObject({ exit: 0, err: "" });
    expect(desk.accepted).toMatchObject([{ type, data, origin: "operator", actor: "local" }]);
    expect(desk.accepted[0]?.data).toEqual(data);
  });

  it("a hold tells until when it lasts", async () => {
    const { run, desk } = await createRig();
    expect((await run("hold", "rack", "a", "--reason", "cables", "--for", "2h")).out).toMatch(/^Held: rack a, until \d{4}-/);
    expect((await run("hold", "rack", "a", "--reason", "cables")).out).toBe(
      "Held: rack a, until it is released (lightsout release rack a)",
    );
    expect(desk.accepted[0]?.data).toMatchObject({ until: expect.any(String) });
  });

  it("a light blinks, and is stopped", async () => {
    const { run, desk } = await createRig();
    expect(await run("identify", "r740-01", "--for", "2m")).toMatchObject({
      exit: 0,
      out: "The light of r740-01 blinks for 2m; stop it with: lightsout identify r740-01 --off",
    });
    expect((await run("identify", "r740-01", "--off")).out).toBe("The light of r740-01 is off");
    expect(desk.lit.map(({ seconds }) => seconds)).toEqual([120, 0]);
    expect(await run("identify", "r740-01", "--for", "5m")).toMatchObject({ exit: 1, err: expect.stringContaining("longer than 4m") });
  });

  it("a person's word that a machine is off is answered with whether it counts", async () => {
    const { run, desk } = await createRig();
    const attest = ["attest", "r740-01", "off", "--reason", "its cord is pulled"];
    expect(await run(...attest)).toMatchObject({ exit: 0, out: expect.stringMatching(/^r740-01 counts as off until .*, on your word\./) });
    desk.set({ word: { counts: false, power: "On" } });
    expect(await run(...attest)).toMatchObject({
      exit: 1,
      out: "Your word does not count: something on r740-01 shows life (its power: On)",
    });
  });

  it("trust without a level shows what is in force, and setting more than is in force says why", async () => {
    const { run, desk } = await createRig();
    expect(await run("trust", "r740-01")).toMatchObject({ exit: 0, out: "r740-01: ask" });
    expect((await run("trust", "r740-01", "ask")).out).toBe("machine r740-01: ask");
    const { why } = desk;
    const trustWhy = "it has passed no drill: lightsout drill r740-01";
    desk.why = async (machine) => ({ ...(await why(machine)), trust: "auto", trustInForce: "ask", trustWhy });
    const less = `ask: auto is set, but ${trustWhy}`;
    expect((await run("trust", "r740-01")).out).toBe(`r740-01: ${less}`);
    expect((await run("trust", "r740-01", "auto")).out).toBe(`machine r740-01: auto\nFor now it is ${less}`);
    expect(JSON.parse((await run("trust", "r740-01", "--json")).out)).toEqual({
      machine: "r740-01",
      trust: "auto",
      trustInForce: "ask",
      trustWhy,
    });
    expect(await run("trust", "r750")).toMatchObject({ exit: 1, err: expect.stringContaining("Did you mean r740-01?") });
  });

  it("an id given twice is one event", async () => {
    const { run } = await createRig();
    const emit = ["emit", "node-lost", "machine=r740-01", "--id", "once"];
    expect((await run(...emit)).out).toMatch(/^Accepted: node-lost \(event once\)\nNo function listens/);
    expect((await run(...emit)).out).toMatch(/^Known already: node-lost/);
  });

  it.each(["emit node-lost machine=r740-01 --plan", "power cycle r740-01 --plan"])("%s shows the plan and sends nothing", async (line) => {
    const { run, desk } = await createRig();
    const { exit, out } = await run(...line.split(" "));
    expect([exit, out.split("\n")]).toEqual([
      1,
      ["power-cycle would:", "  1. power off: cuts the power", "       trust: ask (trust is ask)", "  It would stop: a person is asked"],
    ]);
    expect([desk.accepted.length, desk.planned.length]).toEqual([0, 1]);
    const steps = [{ step: "power off", what: "cuts the power" }];
    desk.plan = async () => [{ function: "power-cycle", steps }];
    expect(await run(...line.split(" "))).toMatchObject({ exit: 0, out: expect.stringContaining("It would go through.") });
    desk.plan = async () => [
      { function: "power-cycle", steps },
      { function: "other", steps, stops: "held" },
    ];
    expect((await run(...line.split(" "))).exit).toBe(1);
  });

  it.each([
    [["hold-requested", "scope=pool", "name=gpu", "reason=disks"]],
    [["freeze-released"]],
    [["trust-changed", "scope=pool", "name=gpu", "trust=auto"]],
  ])("emit %s took effect at once, though no function listens", async (event) => {
    const { run, desk } = await createRig();
    expect((await run("emit", ...event)).out).toMatch(/\nIt took effect at once$/);
    expect(await run("emit", ...event, "--wait")).toMatchObject({ exit: 0 });
    desk.plan = async () => [];
    expect(await run("emit", ...event, "--plan")).toEqual({
      exit: 0,
      err: "",
      out: "It would take effect at once; no function listens to it",
    });
    expect(await run("emit", "node-lost", "machine=r740-01", "--plan")).toMatchObject({ exit: 1 });
  });

  const storm = { reason: "storm", by: "me", since: "2026-01-01T00:00:00Z" };

  it("a second freeze says whose the first is, and unfreezing what is not frozen says so", async () => {
    const { run, desk } = await createRig();
    expect((await run("freeze")).out).toBe("Frozen: nothing is powered until `lightsout unfreeze`");
    expect(await run("unfreeze")).toMatchObject({ exit: 0, out: "It was not frozen: acts go on as before" });
    desk.set({ frozen: storm });
    expect((await run("freeze")).out).toContain("\nIt was frozen already by me since 2026-01-01T00:00:00Z: storm");
    const { accept } = desk;
    desk.accept = async (incoming) => {
      desk.set({ frozen: undefined });
      return accept(incoming);
    };
    expect(await run("unfreeze")).toMatchObject({ exit: 0, out: "Acts go on" });
  });

  it("a freeze goes through where what stood before cannot be read", async () => {
    const { run, desk } = await createRig();
    const { frozen } = desk;
    let asked = 0;
    desk.frozen = () => (asked++ === 0 ? Promise.reject(new Error("no")) : frozen());
    expect(await run("freeze")).toMatchObject({ exit: 0, out: "Frozen: nothing is powered until `lightsout unfreeze`" });
    expect(desk.accepted).toHaveLength(1);
  });

  it("a release says what it released, and when nothing was held", async () => {
    const { run, desk } = await createRig();
    expect((await run("release", "pool", "gpu")).out).toBe("Nothing held pool gpu: nothing is released");
    desk.holds = async () => [{ scope: "pool", name: "gpu", reason: "disks", by: "me", since: "2026-01-01T00:00:00.000Z" }];
    expect((await run("release", "pool", "gpu")).out).toBe("Released: pool gpu (hold: disks (me))");
    expect((await run("release", "rack", "a")).out).toBe("Nothing held rack a: nothing is released");
    const quarantine = { reason: "doubt", run: "r", since: "" };
    const { why } = desk;
    desk.why = async (machine) => ({ ...(await why(machine)), ledger: { machine, quarantine } });
    expect((await run("release", "r740-01")).out).toBe(
      "Released: machine r740-01 (quarantine: doubt)\nStill: held by me (pool gpu): disks",
    );
  });

  it("a machine that nothing holds at all is not said to be released, even where holds cannot be listed", async () => {
    const { run, desk } = await createRig();
    const { why } = desk;
    desk.why = async (machine) => ({ ...(await why(machine)), holds: [] });
    expect((await run("release", "r740-01")).out).toBe("Nothing held machine r740-01: nothing is released");
  });

  it("machines begins with the freeze in force", async () => {
    const { run, desk } = await createRig();
    expect(JSON.parse((await run("machines", "--json")).out)).toMatchObject({ frozen: null, machines: [{ name: "r740-01" }] });
    desk.set({ frozen: { reason: "the file ./STOP is there", by: "STOP file", since: "" } });
    expect((await run("machines")).out).toMatch(/^FROZEN by STOP file: the file \.\/STOP is there\nMACHINE/);
    expect(JSON.parse((await run("machines", "--json")).out).frozen).toMatchObject({ by: "STOP file" });
  });

  it("unfreezing fails while a STOP file stands", async () => {
    const { run, desk } = await createRig();
    desk.set({ frozen: { reason: "STOP file", by: "./STOP", since: "2026-01-01T00:00:00Z" } });
    expect(await run("unfreeze")).toMatchObject({ exit: 1, out: "Still frozen by ./STOP since 2026-01-01T00:00:00Z: STOP file" });
  });
});

describe("what is shown", () => {
  it("machines, questions, why, dead letters and runs", async () => {
    const { run, desk } = await createRig();
    desk.begin("0123456789abcdef01234567", { status: "asking", step: "agree", reason: "Cycle r740-01?" });
    desk.ask({ run: "0123456789abcdef01234567" });
    const shown = async (command: string) => (await run(command, ...(command === "why" ? ["r740-01"] : []))).out;
    expect(await shown("machines")).toMatchInlineSnapshot(`
      "MACHINE  NODE   BMC      POWER  IDENTITY  OFF?  DRILL  TRUST
      r740-01  Ready  redfish  on     ✔ 3/3     ✔     never  ask"
    `);
    expect(await shown("questions")).toMatchInlineSnapshot(`
      "RUN           FUNCTION     MACHINE  ASKS            WHOM       UNTIL
      0123456789ab  power-cycle  r740-01  Cycle r740-01?  operators  2026-01-02T00:00:00Z"
    `);
    expect(await shown("why")).toMatchInlineSnapshot(`
      "r740-01 is held.
        meant to be  on (no reason, by unknown)
        trust        ask
        drill        never passed
        hold         held by me (pool gpu): disks"
    `);
    expect(await shown("dead")).toMatchInlineSnapshot(`
      "SEQ  AT                    EVENT      REASON
      7    2026-01-01T00:00:00Z  node-lost  no such machine"
    `);
    expect(await shown("runs")).toMatchInlineSnapshot(`
      "RUN           FUNCTION     FOR      STATUS  STEP   SINCE                 REASON
      0123456789ab  power-cycle  r740-01  asking  agree  2026-01-01T00:00:00Z  Cycle r740-01?"
    `);
  });

  it("a parked run, and what to do about it", async () => {
    const { run, desk } = await createRig();
    desk.begin("run-1", { status: "parked", step: "power off" });
    desk.write("run-1", { is: "done", step: "look" }, parkedFact());
    expect((await run("show", "run")).out).toMatchInlineSnapshot(`
      "run-1  power-cycle for r740-01: parked at "power off" (accepted)
      00:00:00Z  done  look
      00:00:01Z  parked  power off: the BMC is silent

      It cannot know what became of "power off": the BMC is silent
        By hand it is undone with: look
      Look at the machine, then say: lightsout resume run-1 happened|did-not-happen|abandon"
    `);
  });

  it("why says before which act the guards were asked", async () => {
    const { run, desk } = await createRig();
    desk.begin("run-1", { status: "finished", reason: "ok" });
    const summary = (await desk.runs())[0];
    if (!summary) throw new Error("there is a run");
    const verdicts = [{ guard: "storm", says: "allow", reason: "1 of 7 lost" }] as const;
    const { why } = desk;
    desk.why = async (machine) => ({
      ...(await why(machine)),
      holds: [],
      runs: [
        { summary, verdicts, act: { step: "power off", verb: "force-off", at: "2026-01-01T00:01:02.345Z" } },
        { summary, verdicts, act: { step: "power off", at: "2025-12-31T00:01:02Z" }, ended: "refused: no" },
        { summary, verdicts },
        { summary, verdicts: [], ended: "ok" },
      ],
    });
    expect((await run("why", "r740-01")).out).toMatchInlineSnapshot(`
      "r740-01 is held.
        meant to be  on (no reason, by unknown)
        trust        ask
        drill        never passed
        run          run-1  power-cycle for r740-01: finished (ok)
                     guards before force-off at 00:01:02Z:
                       storm: allow (1 of 7 lost)
        run          run-1  power-cycle for r740-01: finished (ok); ended: refused: no
                     guards before "power off" at 2025-12-31 00:01:02Z:
                       storm: allow (1 of 7 lost)
        run          run-1  power-cycle for r740-01: finished (ok)
                     guards before its last act:
                       storm: allow (1 of 7 lost)
        run          run-1  power-cycle for r740-01: finished (ok)"
    `);
  });

  it("a run's facts, each once, with what was read and the date of other days", async () => {
    const { run, desk } = await createRig();
    desk.begin("run-1", { status: "waiting", step: "a new boot id", reason: "a new boot id" });
    const seen = "x".repeat(300);
    const guarded = { attempt: 1, position: 1, result: "done" } as const;
    desk.write(
      "run-1",
      { is: "done", step: "read its power", result: "on" },
      { is: "done", step: "collect evidence", result: { seen } },
      { is: "done", step: "sort it out", result: null },
      { is: "outcome", step: "power off", seen: "power off (chassis status 200040)", ...guarded },
      { is: "outcome", step: "cordon", seen: "cordon", ...guarded },
      { is: "waiting", step: "a new boot id", reason: "a new boot id", until: Date.parse("2026-01-01T00:05:05Z") },
      { is: "waiting", step: "power on", reason: "power on: frozen by me" },
      { is: "waiting", step: "power on", reason: "freeze: storm", paused: true },
    );
    expect((await run("show", "run-1")).out).toMatchInlineSnapshot(`
      "run-1  power-cycle for r740-01: waiting at "a new boot id"
      00:00:00Z  done  read its power: "on"
      00:00:01Z  done  collect evidence: {"seen":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
      00:00:02Z  done  sort it out
      00:00:03Z  done  power off: power off (chassis status 200040)
      00:00:04Z  done  cordon
      00:00:05Z  waits  a new boot id, at most 5m
      00:00:06Z  waits  power on: frozen by me
      00:00:07Z  waits  power on: freeze: storm"
    `);
    expect((await run("runs")).out.match(/a new boot id/g)).toHaveLength(1);
    const late = await createRig({ hooks: { clock: createFakeTime().clock({ wallOffsetMs: 86_400_000 }) } });
    late.desk.begin("run-1");
    late.desk.write("run-1", { is: "done", step: "look" });
    expect((await late.run("show", "run-1")).out).toContain("\n2026-01-01 00:00:00Z  done  look");
  });

  it("runs by filter, and how to see the rest", async () => {
    const { run, desk } = await createRig();
    for (const id of ["a", "b", "c"]) desk.begin(id);
    expect((await run("runs", "--status", "queued", "--machine", "r740-01", "--limit", "2")).out).toContain("and 1 more");
    desk.begin("d", { key: "gone-01" });
    expect((await run("runs", "--machine", "gone-01")).out).toContain("gone-01");
    expect((await run("runs", "--machine", "r740-01", "--status", "parked")).out).toBe("No runs");
  });

  it("a token once, with its digest", async () => {
    const { run } = await createRig();
    const { out } = await run("token");
    const token = /^token +(\S+)$/m.exec(out)?.[1] ?? "";
    expect(out).toContain(tokenDigest(token));
    const made = JSON.parse((await run("token", "--json")).out);
    expect(made.sha256).toBe(tokenDigest(made.token));
  });

  it("nothing that machines or people said can steer the terminal", async () => {
    const { run, desk } = await createRig();
    const evil = "\u001b[2K\u001b[8mhidden\u001b[0m\u009b31m\u202Eesrever\r\nplan {}";
    desk.begin("run-1", { reason: evil });
    desk.write("run-1", { is: "waiting", step: "s", reason: evil });
    desk.ask({ run: "run-1", ask: evil, plan: { note: evil } });
    for (const argv of [
      ["runs"],
      ["show", "run-1"],
      ["questions"],
      ["approve", "run-1", "--refuse"],
      ["runs", "--json"],
      ["questions", "--json"],
    ]) {
      const { out } = await run(...argv);
      expect(out).toContain("hidden");
      expect(out).not.toMatch(/\p{Cc}(?<!\n)|\u202e/u);
      expect(out).not.toMatch(/^plan \{\}/m);
    }
  });
});

describe("approve", () => {
  const rig = async (answers?: readonly string[]) => {
    const made = await createRig(answers === undefined ? {} : { answers });
    made.desk.begin("run-1", { status: "asking" });
    made.desk.write("run-1", { ...asked, until: 0, position: 1 });
    made.desk.ask({ run: "run-1" });
    return made;
  };
  const decision = { run: "run-1", step: "agree", nonce: "nonce-1", digest: "digest-1" };

  it("shows the exact plan, asks, and sends the decision on it", async () => {
    const { run, desk, asked } = await rig(["y"]);
    const { exit, out } = await run("approve", "run", "--note", "go");
    expect([exit, asked]).toEqual([0, ["Approve exactly this? [y/N] "]]);
    expect(out).toMatchInlineSnapshot(`
      "Cycle r740-01?
        run      run-1 (power-cycle)
        machine  r740-01
        step     agree
        asked    operators, until 2026-01-02T00:00:00Z
        digest   digest-1
        plan
          {
            "off": "r740-01"
          }
      Approved. Follow it with: lightsout show run-1 --follow"
    `);
    expect(desk.accepted).toMatchObject([{ type: "approval-decided", data: { ...decision, approve: true, note: "go" } }]);
  });

  it.each(["", "n", "yes please", "Y E S"])('"%s" is no approval', async (word) => {
    const { run, desk } = await rig([word]);
    expect(await run("approve", "run-1")).toMatchObject({ exit: 1, out: expect.stringContaining("Nothing was decided.") });
    expect(desk.accepted).toEqual([]);
  });

  it("needs --yes where nobody can be asked", async () => {
    const { run, desk } = await rig();
    expect(await run("approve", "run-1")).toMatchObject({ exit: 2, err: expect.stringContaining("--yes") });
    expect(desk.accepted).toEqual([]);
    expect((await run("approve", "run-1", "--yes")).exit).toBe(0);
    expect(desk.accepted).toMatchObject([{ data: { approve: true } }]);
  });

  it("refuses without asking", async () => {
    const { run, desk } = await rig();
    expect((await run("approve", "run-1", "--refuse")).out).toContain("Refused.");
    expect(desk.accepted).toMatchObject([{ data: { ...decision, approve: false } }]);
  });

  it("says when nothing is asked, or more than one run asks", async () => {
    const { run, desk } = await rig();
    desk.begin("run-2");
    desk.ask({ run: "run-2" });
    expect((await run("approve", "other", "--yes")).exit).toBe(1);
    expect(await run("approve", "run", "--yes")).toMatchObject({ exit: 2, err: expect.stringContaining("run-1, run-2") });
    expect((await run("approve", "", "--yes")).exit).toBe(1);
    expect(desk.accepted).toEqual([]);
  });
});
