import { createServer } from "node:http";
import { describe, expect, it } from "vitest";
import type { Fact } from "#events";
import { finishedFact, parkedFact } from "#test/adapters/http/desk.ts";
import { createRig } from "./rig.ts";

const question = {
  is: "asked",
  step: "agree",
  nonce: "n",
  digest: "d",
  ask: "Go?",
  plan: {},
  from: "operators",
  until: 0,
  position: 1,
} as const;
const yes = { is: "decided", step: "agree", digest: "d", approved: true, who: "me" } as const;
const word = { is: "word", step: "power off", word: "happened", who: "me" } as const;

describe("--wait", () => {
  it.each<[string, number, readonly Fact[]]>([
    ["ends ok", 0, [finishedFact("ok")]],
    ["fails", 1, [finishedFact("failed")]],
    ["is refused", 1, [finishedFact("refused")]],
    ["was only observed", 1, [finishedFact("observed")]],
    ["is cancelled", 1, [finishedFact("cancelled")]],
    ["is parked", 5, [parkedFact()]],
    ["asks", 5, [question]],
    ["asked, was answered and ended", 0, [question, yes, finishedFact("ok")]],
    ["was parked, heard a word and is parked again", 5, [parkedFact(), word, parkedFact("power on")]],
    ["asked, was answered and asks again", 5, [question, yes, { ...question, step: "again" }]],
  ])("a run that %s exits with %i", async (_, code, facts) => {
    const { run, desk } = await createRig();
    desk.starts("run-1");
    desk.begin("run-1");
    desk.write("run-1", ...facts);
    const { exit, out } = await run("power", "off", "r740-01", "--wait");
    expect(exit).toBe(code);
    if (code === 5) expect(out).toMatch(/lightsout (approve|resume) run-1/);
    const document = JSON.parse((await run("power", "off", "r740-01", "--wait", "--json")).out);
    expect(document.ended[0].journal).toHaveLength(facts.length);
  });

  it("shows what happens as it happens, from a run that has yet to begin", async () => {
    const { run, desk } = await createRig();
    desk.starts("run-1");
    const { accept, follow } = desk;
    desk.accept = async (incoming) => {
      setTimeout(() => desk.begin("run-1"), 20);
      return accept(incoming);
    };
    desk.follow = async (id, onEntry) => {
      const stop = await follow(id, onEntry);
      setTimeout(() => desk.write("run-1", { is: "done", step: "look" }, finishedFact()), 5);
      return stop;
    };
    const { exit, out } = await run("emit", "power-cycle", "machine=r740-01", "--wait");
    expect([exit, out.split("\n").slice(-2)]).toEqual([0, ["00:00:00Z  done  look", "00:00:01Z  finished ok"]]);
  });

  it("of several runs the worst end counts, and where nothing listens nothing was done", async () => {
    const { run, desk } = await createRig();
    desk.starts("run-1", "run-2");
    desk.begin("run-1");
    desk.begin("run-2");
    desk.write("run-1", finishedFact());
    desk.write("run-2", parkedFact());
    expect((await run("power", "on", "r740-01", "--wait")).exit).toBe(5);
    desk.starts();
    expect((await run("power", "on", "r740-01", "--wait")).exit).toBe(1);
  });
});

describe("show --follow", () => {
  it("goes on through questions and parking until the end", async () => {
    const { run, desk } = await createRig();
    desk.begin("run-1");
    desk.write("run-1", parkedFact());
    const { follow } = desk;
    desk.follow = async (id, onEntry) => {
      desk.follow = follow;
      const stop = await follow(id, onEntry);
      setTimeout(() => desk.write("run-1", word, finishedFact()), 20);
      return stop;
    };
    const { exit, out } = await run("show", "run-1", "--follow");
    expect(exit).toBe(0);
    expect(out).toContain("Look at the machine, then say");
    expect(out.split("\n").at(-1)).toBe("00:00:02Z  finished ok");
    const document = JSON.parse((await run("show", "run-1", "--follow", "--json")).out);
    expect(document.journal).toHaveLength(3);
  });

  it("takes a broken stream up where it broke, and gives up when it goes on breaking", async () => {
    const { run: through, desk, served } = await createRig();
    desk.begin("run-1");
    desk.write("run-1", { is: "done", step: "one" }, { is: "done", step: "two" });
    const resumedFrom: (string | undefined)[] = [];
    // Passes everything on, but cuts each stream behind its first event.
    const cutting = createServer(async (request, reply) => {
      const from = request.headers["last-event-id"];
      const upstream = await fetch(served.url + request.url, { headers: from === undefined ? {} : { "last-event-id": String(from) } });
      reply.writeHead(upstream.status, { "content-type": upstream.headers.get("content-type") ?? "" });
      if (!request.url?.endsWith("/events")) return reply.end(await upstream.text());
      resumedFrom.push(from?.toString());
      if (resumedFrom.length === 2) desk.write("run-1", finishedFact());
      const first = (await new Response(upstream.body).body?.getReader().read())?.value as Uint8Array;
      const text = Buffer.from(first).toString();
      return reply.write(text.slice(0, text.indexOf("\n\n") + 2), () => reply.destroy());
    });
    await new Promise<void>((resolve) => cutting.listen(0, "127.0.0.1", resolve));
    const address = cutting.address();
    const url = `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
    const { exit, out } = await through("show", "run-1", "--follow", "--url", url);
    cutting.closeAllConnections();
    cutting.close();
    expect(exit).toBe(0);
    expect(out.match(/ {2}(one|two|finished ok)$/gm)).toEqual(["  one", "  two", "  finished ok"]);
    expect(resumedFrom).toEqual([undefined, "1", "2"]);
  });
});
