import { createApp, type Role, serveHttp } from "#adapters/http/mod.ts";
import { createDocument } from "#adapters/http/openapi/document.ts";
import { routes } from "#adapters/http/routes/mod.ts";
import { createFakeDesk, finishedFact, parkedFact } from "#test/adapters/http/desk.ts";
import { type Answered, createReferee, type Document, type Referee, type Schema, type Way } from "#test/adapters/http/referee.ts";
import { roles, tokens } from "#test/adapters/http/rig.ts";
import { type Dice, mutateBytes, mutateJson } from "./mutate.ts";
import { pick, sample, type Words } from "./sample.ts";
import { exchange } from "./wire.ts";

/** A server that listens, and requests made from its own document: right ones, nearly right ones, and worse. */
export interface ApiFuzz {
  /** One request, and all that must be true of its answer. Rejects for what must never be. */
  one(dice: Dice): Promise<void>;
  close(): Promise<void>;
}

/** What is sent, and what is known of it. */
interface Shot {
  readonly way: Way;
  readonly method: string;
  readonly target: string;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer | undefined;
  /** Who the token says it is. */
  readonly role: Role | undefined;
  /** Whether everything but the role and the body is as the document wants it. */
  readonly sound: boolean;
}

const limit = 16 * 1024;
const words: Words = {
  machine: ["r740-01", "r740-02"],
  name: ["r740-01", "gpu", "worker"],
  run: ["parked", "asking", "ended", "nobody"],
  id: ["parked", "asking", "ended", "nobody"],
  step: ["power off", "agree"],
  nonce: ["nonce-1"],
  digest: ["digest-1"],
  seq: ["7", "8"],
  "Last-Event-ID": ["0", "1", "99"],
};

export async function createApiFuzz(): Promise<ApiFuzz> {
  const desk = createFakeDesk();
  desk.begin("parked", { status: "parked" });
  desk.write("parked", parkedFact());
  desk.begin("asking", { status: "asking" });
  desk.ask({ run: "asking" });
  desk.begin("ended", { status: "finished" });
  desk.write("ended", finishedFact());
  const app = createApp(desk, { tokens, bodyLimitBytes: limit });
  const served = await serveHttp(app, { listen: "127.0.0.1:0" });
  const port = Number(new URL(served.url).port);
  const document = JSON.parse(JSON.stringify(createDocument(routes, desk))) as Document;
  const referee = createReferee(document);
  const shoot = createShots(document, referee);

  return {
    async one(dice) {
      const shot = shoot(dice);
      const { bytes, whole, end } = written(shot, dice);
      desk.accepted.length = 0;
      const answered = await exchange(port, bytes, end);
      const wrong = judge(shot, whole, answered, desk.accepted.length, referee);
      if (wrong !== undefined)
        throw new Error(
          `${wrong}\n${answered?.text.slice(0, 500)}\nwas answered to\n${JSON.stringify(bytes.toString("latin1").slice(0, 3000))}`,
        );
    },
    close: () => served.close(),
  };
}

function judge(shot: Shot, whole: boolean, answered: Answered | undefined, accepted: number, referee: Referee): string | undefined {
  const { body, method, role, sound, target, way } = shot;
  if (!answered) return "no answer";
  const { status } = answered;
  if (status >= 500) return `${status} is not by design`;
  const good = status < 300;
  if (accepted !== (status === 202 ? 1 : 0)) return `${accepted} events were let in with ${status}`;
  const objection = referee.objection(method, target, answered);
  if (objection !== undefined) return objection;
  if (!whole || !sound) return undefined;
  const needs = way["x-role"];
  if (needs !== "nobody" && role === undefined) return status === 401 ? undefined : `${status} without a token`;
  if (role !== undefined && roles.indexOf(role) < roles.indexOf(needs as Role)) return status === 403 ? undefined : `${status} for ${role}`;
  const fits = bodyFits(shot, referee);
  if (!fits && good) return `${status} for a body that the document does not let through`;
  const done = good || status === 404 || status === 409 || (status === 403 && role !== "admin");
  return !fits || done || (body?.length ?? 0) > limit ? undefined : `${status} for a request as the document wants it`;
}

function bodyFits({ body, headers, way }: Shot, referee: Referee): boolean {
  if (!way.requestBody) return true;
  if (body === undefined || body.length === 0) return !way.requestBody.required;
  const media =
    headers
      .find(([name]) => name.toLowerCase() === "content-type")?.[1]
      .split(";")[0]
      ?.trim()
      .toLowerCase() ?? "";
  const schema = way.requestBody.content[media]?.schema;
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body));
    return schema !== undefined && referee.fits(schema, value);
  } catch {
    return false;
  }
}

/** Makes requests of the document. */
function createShots({ components }: Document, { fits, ways }: Referee): (dice: Dice) => Shot {
  const resolve = (ref: string): Schema => components.schemas[ref.split("/").at(-1) ?? ""] ?? {};
  const valid = (schema: Schema, dice: Dice, name = "") => {
    for (let tries = 0; tries < 50; tries += 1) {
      const value = sample(schema, dice, words, resolve, name);
      if (fits(schema, value)) return value;
    }
    throw new Error(`no value was found for ${JSON.stringify(schema)}`);
  };

  return (dice) => {
    const way = pick(ways, dice);
    const odd = { path: dice(12) === 0, query: dice(8) === 0, headers: dice(8) === 0, method: dice(25) === 0 };
    const of = (place: string) =>
      (way.parameters ?? [])
        .filter((one) => one.in === place && (one.required || dice(2) === 0))
        .map((one) => [one.name, String(valid(one.schema, dice, one.name))] as const);
    // In a path . and .. are steps, and a header is sent in Latin-1 without blanks around it.
    const parts = new Map(of("path").map(([name, text]) => [name, odd.path ? pick(strangePaths, dice) : encodeURIComponent(text)]));
    const path = way.path.replace(/\{(\w+)\}/g, (_, name: string) => parts.get(name) ?? "");
    const query = of("query").map(([name, text]) => `${name}=${encodeURIComponent(text)}`);
    if (odd.query) query.push(pick(strangeQueries, dice));
    const role = dice(6) === 0 ? pick([undefined, ...roles], dice) : "admin";
    const headers: (readonly [string, string])[] = of("header").filter(([, text]) => /^[\x21-\x7e]+$/.test(text));
    if (role !== undefined) headers.push(["authorization", `Bearer ${role}-token`]);
    const [media, body] = bodyOf(way, dice, (schema) => valid(schema, dice));
    if (media !== undefined) headers.push(["content-type", media]);
    if (odd.headers) headers.push(pick(strangeHeaders, dice));
    const method = odd.method ? pick(strangeMethods, dice) : way.method;
    const sound = !odd.path && !odd.query && !odd.headers && !odd.method;
    return { way, method, target: path + (query.length > 0 ? `?${query.join("&")}` : ""), headers, body, role, sound };
  };
}

function bodyOf(way: Way, dice: Dice, valid: (schema: Schema) => unknown): [media: string | undefined, body: Buffer | undefined] {
  if (!way.requestBody) return dice(10) === 0 ? ["application/json", Buffer.from("{}")] : [undefined, undefined];
  const [media, { schema }] = pick(Object.entries(way.requestBody.content), dice);
  const value = valid(schema);
  const how = dice(10);
  if (how < 4) return [dice(6) === 0 ? `${media.toUpperCase()} ; charset=utf-8` : media, Buffer.from(JSON.stringify(value))];
  if (how < 7) return [media, Buffer.from(JSON.stringify(mutateJson(value, dice)))];
  if (how === 7) return [media, mutateBytes(Buffer.from(JSON.stringify(value)), dice)];
  if (how === 8)
    return [pick(["", "text/plain", "application/xml", "multipart/form-data; boundary=x"], dice), Buffer.from(JSON.stringify(value))];
  return [media, pick(strangeBodies, dice)];
}

const strangePaths = [
  "..",
  ".",
  "%2e%2e",
  "%2F..%2F",
  "%00",
  "%zz",
  "%",
  "%ff%fe",
  "a%2Fb",
  "x".repeat(5000),
  "%F0%9F%92%A5",
  ";a=b",
  "*",
  ":name",
  "__proto__",
];
const strangeQueries = [
  "plan=yes",
  "plan=true&plan=false",
  "limit=-1",
  "limit=1e9",
  "limit=0x10",
  "days=9999999999999999999",
  "__proto__=1",
  "%zz=%",
  "&&==",
  "a[]=1",
  "status=",
];
const strangeMethods = ["PUT", "PATCH", "OPTIONS", "HEAD", "TRACE", "PROPFIND", "CONNECT", "get", "G\u0000T", "DELETE"];
const strangeHeaders: readonly (readonly [string, string])[] = [
  ["authorization", "Bearer admin-token, Bearer admin-token"],
  ["idempotency-key", "\u00e9\u00ff"],
  ["idempotency-key", "x".repeat(300)],
  ["last-event-id", "-1"],
  ["expect", "100-continue"],
  ["expect", "miracles"],
  ["upgrade", "websocket"],
  ["content-encoding", "gzip"],
  ["accept", "text/html"],
  ["ce-specversion", "1.0"],
  ["host", "another"],
  ["transfer-encoding", "gzip, chunked"],
  ["content-length", "-1"],
  ["x-long", "x".repeat(20_000)],
  ["x-odd", "\u0001"],
  ["bad name", "x"],
];
const strangeBodies = [
  ...[
    '{"reason":"a","reason":7}',
    '{"__proto__":{"reason":"x"}}',
    '{"reason":1e999}',
    '{"reason":"\\ud800"}',
    "null",
    "[]",
    '"',
    "",
    " ",
    "NaN",
  ],
  ...["\ufeff{}", "{}{}", '{"type":"node-lost","data":{"machine":"r740-01"},"type":"power-cycle"}', "[".repeat(8000), '{"a":'.repeat(2000)],
  ...[`{"reason":"${"x".repeat(limit)}"}`, " ".repeat(limit + 1), "{\u0000}", "'{}'", "{'reason':'x'}", '{"reason":"x"}\n\n\n'],
].map((text) => Buffer.from(text));

/** The request in bytes: its body with a length, in chunks, or broken off. `whole` says that it arrives as it is. */
function written({ body, headers, method, target }: Shot, dice: Dice): { bytes: Buffer; whole: boolean; end: boolean } {
  const how = body === undefined ? 0 : dice(16);
  const framed = body ?? Buffer.alloc(0);
  const chunk = (part: Buffer, size = part.length.toString(16)) => Buffer.concat([Buffer.from(`${size}\r\n`), part, Buffer.from("\r\n")]);
  const half = Math.floor(framed.length / 2);
  const last = Buffer.from("0\r\n\r\n");
  const parts = [framed.subarray(0, half), framed.subarray(half)].filter((part) => part.length > 0).map((part) => chunk(part));
  const forms: Readonly<Record<number, readonly [string, Buffer]>> = {
    1: ["transfer-encoding: chunked", Buffer.concat([...parts, last])],
    2: ["transfer-encoding: chunked", Buffer.concat([...parts])],
    3: ["transfer-encoding: chunked", Buffer.concat([chunk(framed, "zz"), last])],
    4: ["transfer-encoding: chunked", Buffer.concat([chunk(framed, "ffffffffffffffffff"), last])],
    5: [`content-length: ${framed.length + 10}`, framed],
    6: [`content-length: ${framed.length}\r\ntransfer-encoding: chunked`, Buffer.concat([...parts, last])],
  };
  const [length, sent] = forms[how] ?? [body === undefined ? "x-none: 1" : `content-length: ${framed.length}`, framed];
  const version = dice(60) === 0 ? "HTTP/1.0" : "HTTP/1.1";
  const lines = [
    `${method} ${target} ${version}`,
    "host: localhost",
    "connection: close",
    ...headers.map(([name, value]) => `${name}: ${value}`),
    length,
  ];
  return {
    bytes: Buffer.concat([Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1"), sent]),
    whole: !(how >= 2 && how <= 6),
    end: how >= 2 && how <= 6,
  };
}
