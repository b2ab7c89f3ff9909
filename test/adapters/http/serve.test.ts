import { once } from "node:events";
import { request } from "node:http";
import { type AddressInfo, connect, createServer } from "node:net";
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { type AppOptions, createApp, type Served, serveHttp } from "#adapters/http/mod.ts";
import { createFakeDesk, type FakeDesk, finishedFact, parkedFact } from "./desk.ts";
import { tokens } from "./rig.ts";

const open: Served[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((served) => served.close()));
});

async function serve(desk: FakeDesk = createFakeDesk(), options: Partial<AppOptions> = {}, listen = "127.0.0.1:0") {
  const served = await serveHttp(createApp(desk, { tokens: [], ...options }), { listen });
  open.push(served);
  return { ...served, desk, port: Number(new URL(served.url).port) };
}

/** Reads a stream until `until` was seen or it ended. */
async function readUntil(reply: Response, until: string): Promise<string> {
  let text = "";
  for await (const chunk of reply.body ?? []) {
    text += Buffer.from(chunk).toString();
    if (text.includes(until)) return text;
  }
  return text;
}

/** What a raw request is answered with, until the server ends the connection. */
async function talk(port: number, text: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  let reply = "";
  socket.setEncoding("utf8").on("data", (chunk) => {
    reply += chunk;
  });
  socket.write(text);
  await once(socket, "close");
  return reply;
}

describe("serveHttp", () => {
  it.each(["0.0.0.0:0", "10.0.0.5:7480", "[::]:0", "lightsout.example:7480"])("refuses %s without tokens", async (listen) => {
    await expect(serve(undefined, {}, listen)).rejects.toMatchObject({
      code: "LO_HTTP_OPEN",
      hint: expect.stringContaining("lightsout token"),
    });
  });

  it("takes any address with tokens, and asks for them", async () => {
    const { port } = await serve(undefined, { tokens }, "0.0.0.0:0");
    expect((await fetch(`http://127.0.0.1:${port}/v1/runs`)).status).toBe(401);
  });

  it.each(["7480", "127.0.0.1", "127.0.0.1:99999", "::1:7480", "a b:1", ""])('"%s" is no place to listen', async (listen) => {
    await expect(serve(undefined, { tokens }, listen)).rejects.toMatchObject({ code: "LO_HTTP_LISTEN" });
  });

  it("says so when another program has the port", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await expect(serve(undefined, {}, `127.0.0.1:${port}`)).rejects.toMatchObject({ code: "LO_HTTP_PORT" });
    other.close();
  });

  it("answers nonsense with 400, and another name than loopback with 421", async () => {
    const { port } = await serve();
    expect(await talk(port, "GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n")).toMatch(/^HTTP\/1.1 400 [\s\S]*LO_HTTP_REQUEST/);
    expect(await talk(port, "nonsense\r\n\r\n")).toMatch(/^HTTP\/1.1 400 /);
    expect(await talk(port, `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
    const rebound = "GET http://127.0.0.1/v1/runs HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n";
    expect(await talk(port, rebound)).toMatch(/^HTTP\/1.1 421 /);
  });

  it.each([
    ["no HTTP", "nonsense\r\n\r\n", 400],
    ["a method of nobody's", "G\u0000T / HTTP/1.1\r\nHost: localhost\r\n\r\n", 400],
    ["headers without end", `GET / HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(20_000)}\r\n\r\n`, 431],
    [
      "a length and chunks",
      "POST /v1/freeze HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
      400,
    ],
    ["a chunk of no size", "POST /v1/freeze HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n", 400],
    ["a wish that nobody knows", "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nExpect: miracles\r\n\r\n", 417],
    ["a wish for a tunnel", "CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n", 405],
  ])("answers %s with a problem", async (_, request, status) => {
    const { desk, port } = await serve();
    const reply = await talk(port, request);
    expect(reply).toMatch(new RegExp(`^HTTP/1.1 ${status} [\\s\\S]*content-type: application/problem\\+json[\\s\\S]*"code":"LO_HTTP_`));
    expect(desk.accepted).toEqual([]);
  });

  it("a body that breaks off is a problem too", async () => {
    const { port, desk } = await serve();
    const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.end("POST /v1/freeze HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{");
    const [reply] = (await once(socket, "data")) as [Buffer];
    expect(reply.toString()).toMatch(/^HTTP\/1.1 400 [\s\S]*"code":"LO_HTTP_/);
    expect(desk.accepted).toEqual([]);
    socket.destroy();
  });

  it("no request target makes it fail inside", async () => {
    const { port } = await serve();
    const odd = fc.constantFrom(
      "%",
      "%zz",
      "%00",
      "%2f",
      "..",
      "/",
      "//",
      "?",
      "&",
      "=",
      "#",
      "\\",
      "*",
      "[",
      "v1",
      "runs",
      "machines",
      "plan",
      "\u00e9",
    );
    const target = fc.array(odd, { maxLength: 8 }).map((parts) => parts.join(""));
    const method = fc.constantFrom("GET", "POST", "DELETE", "OPTIONS", "HEAD", "TRACE", "PROPFIND");
    await fc.assert(
      fc.asyncProperty(method, target, fc.constantFrom("/", "/v1/", "/v1/runs/", ""), async (verb, rest, start) => {
        const reply = await talk(port, `${verb} ${start}${rest} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
        expect(reply).toMatch(/^HTTP\/1.1 (2|4)\d\d /);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses a large body, told of or not, and goes on serving", async () => {
    const { url, port, desk } = await serve(undefined, { bodyLimitBytes: 1000 });
    const headers = { "content-type": "application/json" };
    const told = await fetch(`${url}/v1/freeze`, { method: "POST", headers, body: JSON.stringify({ reason: "x".repeat(2000) }) });
    expect([told.status, await told.json()]).toEqual([413, expect.objectContaining({ code: "LO_HTTP_TOO_LARGE" })]);
    const upload = request({ port, host: "127.0.0.1", method: "POST", path: "/v1/freeze", headers });
    upload.on("error", () => undefined);
    const answered = once(upload, "response");
    for (let sent = 0; sent < 10; sent += 1) upload.write("x".repeat(500));
    const [reply] = (await answered) as [{ statusCode: number }];
    expect(reply.statusCode).toBe(413);
    upload.destroy();
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(desk.accepted).toEqual([]);
  });

  it("does not wait for ever for a body that never comes", async () => {
    const { port } = await serve(undefined, { requestTimeoutMs: 50 });
    const head = "POST /v1/freeze HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{";
    const socket = connect(port, "127.0.0.1");
    socket.write(head);
    const [reply] = (await once(socket, "data")) as [Buffer];
    expect(reply.toString()).toMatch(/^HTTP\/1.1 503 /);
    socket.destroy();
  });

  it("lets a request that runs finish when it closes", async () => {
    const { url, desk } = await serve();
    const entered = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const { machines } = desk;
    desk.machines = async () => {
      entered.resolve();
      await release.promise;
      return machines();
    };
    const reply = fetch(`${url}/v1/machines`);
    await entered.promise;
    const closing = open.pop()?.close();
    release.resolve();
    expect((await reply).status).toBe(200);
    await closing;
    await expect(fetch(`${url}/healthz`)).rejects.toThrow();
  });
});

describe("a run's events", () => {
  it("come with ids, live, and end behind finished", async () => {
    const { url, desk } = await serve();
    desk.begin("run-1");
    desk.write("run-1", { is: "done", step: "one" });
    const reply = await fetch(`${url}/v1/runs/run-1/events`);
    expect([reply.status, reply.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
    desk.write("run-1", parkedFact(), finishedFact());
    const text = await readUntil(reply, "never said");
    expect(text.match(/^(id|event): .*$/gm)).toEqual(["id: 1", "event: done", "id: 2", "event: parked", "id: 3", "event: finished"]);
    expect(JSON.parse(/^data: (.*)$/m.exec(text)?.[1] ?? "")).toMatchObject({ is: "done", step: "one" });
    expect(desk.followers()).toBe(0);
  });

  it("go on after Last-Event-ID, even when nothing more will come", async () => {
    const { url, desk } = await serve();
    desk.begin("run-1");
    desk.write("run-1", { is: "done", step: "one" }, finishedFact());
    const from = async (id: string) => (await fetch(`${url}/v1/runs/run-1/events`, { headers: { "last-event-id": id } })).text();
    expect(await from("1")).toMatch(/^id: 2\nevent: finished\n/);
    expect(await from("2")).toBe("");
    expect(await from("x")).toContain("LO_HTTP_LAST_EVENT_ID");
  });

  it("show that the stream lives while nothing happens", async () => {
    const { url, desk } = await serve(undefined, { heartbeatMs: 5 });
    desk.begin("run-1");
    const reply = await fetch(`${url}/v1/runs/run-1/events`);
    expect(await readUntil(reply, ": still here\n\n: still here")).toContain(": still here");
  });

  it("are let go of when the reader is gone", async () => {
    const { url, desk } = await serve(undefined, { heartbeatMs: 5 });
    desk.begin("run-1");
    const gone = new AbortController();
    await fetch(`${url}/v1/runs/run-1/events`, { signal: gone.signal });
    expect(desk.followers()).toBe(1);
    gone.abort();
    await expect.poll(() => desk.followers()).toBe(0);
  });

  it("open no stream for HEAD, nor for a run whose journal is gone", async () => {
    const { url, desk } = await serve();
    desk.begin("run-1");
    desk.begin("run-2", { status: "finished" });
    expect((await fetch(`${url}/v1/runs/run-1/events`, { method: "HEAD" })).status).toBe(200);
    expect(await (await fetch(`${url}/v1/runs/run-2/events`)).text()).toBe("");
    expect(desk.followers()).toBe(0);
  });

  it("end when the server closes, and are limited in number", async () => {
    const { url, desk } = await serve();
    desk.begin("run-1");
    const streams = await Promise.all(Array.from({ length: 200 }, () => fetch(`${url}/v1/runs/run-1/events`)));
    const extra = await fetch(`${url}/v1/runs/run-1/events`);
    expect([extra.status, await extra.json()]).toEqual([503, expect.objectContaining({ code: "LO_HTTP_STREAMS" })]);
    await open.pop()?.close();
    expect(await Promise.all(streams.map((stream) => stream.text()))).toEqual(streams.map(() => ""));
    expect(desk.followers()).toBe(0);
  });

  it("of a reader that does not read are cut off, not kept", async () => {
    const desk = createFakeDesk();
    const app = createApp(desk, { tokens: [] });
    desk.begin("run-1");
    await app.request("/v1/runs/run-1/events");
    desk.write("run-1", ...Array.from({ length: 6 }, () => ({ is: "done", step: "big", result: "x".repeat(1024 * 1024) }) as const));
    expect(desk.followers()).toBe(0);
  });
});
