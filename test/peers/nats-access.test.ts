import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect, nkeys } from "@nats-io/transport-node";
import { describe, expect, onTestFinished, test } from "vitest";
import type { DoorAnswer, Knock } from "#adapters/nats/mod.ts";
import { createNatsStore, openDoor } from "#adapters/nats/mod.ts";
import { eventually } from "#test/contracts/store/opened.ts";
import { createLabCertificate } from "#test/lab/kube-cert.ts";
import { startNatsServer } from "./nats-server.ts";
import { peer } from "./peer.ts";

const program = process.env.NATS_SERVER_NEW ?? peer("nats-server");

async function startServer(config?: string) {
  const server = await startNatsServer(program ?? "", config);
  onTestFinished(() => server.close());
  return server;
}

async function opens(options: Parameters<typeof createNatsStore>[0]): Promise<void> {
  const store = await createNatsStore(options);
  await store.log.append("journal", "a", 1, { expect: 0 });
  await store.close();
}

describe.skipIf(!program)("who may use a nats-server", () => {
  test("a user with a password; not one without, and the password is in no message", async () => {
    const { url } = await startServer(`authorization { user: "lightsout", password: "s3cret" }`);
    await opens({ servers: url, site: "lab", auth: { user: "lightsout", pass: "s3cret" } });
    const wrong = createNatsStore({ servers: `nats://lightsout:s3cr3t@${url}`, site: "lab", auth: { user: "lightsout", pass: "s3cr3t" } });
    const refusal = await wrong.catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "LO_STORE_AUTH", message: expect.stringContaining(url) });
    expect(String(refusal)).not.toContain("s3cr3t");
  });

  test("a token", async () => {
    const { url } = await startServer(`authorization { token: "t0ken" }`);
    await opens({ servers: url, site: "lab", auth: { token: "t0ken" } });
    await expect(createNatsStore({ servers: url, site: "lab" })).rejects.toMatchObject({ code: "LO_STORE_AUTH" });
  });

  test("over TLS, if the server's certificate is signed by the CA that was given", async () => {
    const folder = mkdtempSync(join(tmpdir(), "lightsout-nats-tls-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = (name: string, text: string) => {
      writeFileSync(join(folder, name), text, { mode: 0o600 });
      return join(folder, name);
    };
    const { ca, cert, key } = createLabCertificate("nats of the lab");
    const { url } = await startServer(`tls { cert_file: "${file("cert.pem", cert)}", key_file: "${file("key.pem", key)}" }`);
    await opens({ servers: `tls://${url}`, site: "lab", tls: { ca: file("ca.pem", ca) } });
    const other = file("other.pem", createLabCertificate("somebody else").ca);
    await expect(createNatsStore({ servers: `tls://${url}`, site: "lab", tls: { ca: other }, patienceMs: 500 })).rejects.toBeInstanceOf(
      Error,
    );
  });

  test("an nkey", async () => {
    const user = nkeys.createUser();
    const { url } = await startServer(`authorization { users: [ { nkey: ${user.getPublicKey()} } ] }`);
    await opens({ servers: [url], site: "lab", auth: { nkeySeed: new TextDecoder().decode(user.getSeed()) } });
  });
});

test("credentials that are none are refused without being shown", async () => {
  const opening = createNatsStore({ servers: "127.0.0.1:1", site: "lab", auth: { creds: "not-a-credential-9f3" }, patienceMs: 300 });
  const error = await opening.catch((failure: unknown) => failure);
  expect(error).toBeInstanceOf(Error);
  expect(String(error)).not.toContain("not-a-credential-9f3");
});

describe.skipIf(!program)("streams that are there already", () => {
  test("a journal that forgets, or another site's name, is refused with how to mend it", async () => {
    const { url } = await startServer();
    const nc = await connect({ servers: url });
    onTestFinished(() => nc.close());
    const jsm = await jetstreamManager(nc);
    await jsm.streams.add({ name: "LIGHTSOUT_lab_JOURNAL", subjects: ["lightsout.lab.jrn.>"], max_age: 3_600_000_000_000, max_msgs: 100 });
    const refusal = await createNatsStore({ servers: url, site: "lab" }).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: "LO_STORE_CONFIG", hint: expect.stringContaining("nats stream edit LIGHTSOUT_lab_JOURNAL") });
    expect(String(refusal)).toMatch(/max_age is 3600000000000, must be 0.*discard is "old", must be new/);
    await expect(createNatsStore({ servers: url, site: "a.b" })).rejects.toMatchObject({ code: "LO_STORE_SITE" });
  });

  test("an operator's own limits on events are left alone", async () => {
    const { url } = await startServer();
    const nc = await connect({ servers: url });
    onTestFinished(() => nc.close());
    const jsm = await jetstreamManager(nc);
    await jsm.streams.add({ name: "LIGHTSOUT_lab_EVENTS", subjects: ["lightsout.lab.evt.>"], max_age: 86_400_000_000_000 });
    await opens({ servers: url, site: "lab" });
    expect((await jsm.streams.info("LIGHTSOUT_lab_EVENTS")).config.max_age).toBe(86_400_000_000_000);
  });
});

describe.skipIf(!program)("the open door", () => {
  async function openTwo() {
    const { url } = await startServer();
    const taken: { type: string; key: string; body: Knock["body"]; origin: Knock["origin"] }[] = [];
    const refused: { subject: string; why: string; body: string }[] = [];
    const accept = async (type: string, key: string, body: Knock["body"], origin?: Knock["origin"]): Promise<DoorAnswer> => {
      if (type === "broken") throw new Error("the disk is full");
      if (type !== "power-cycle") return { accepted: false, why: `no event is called ${type}` };
      taken.push({ type, key, body, origin });
      return { accepted: true, runs: [`run-${taken.length}`] };
    };
    const doors = await Promise.all(
      [1, 2].map(() =>
        openDoor({ servers: url, site: "lab", accept, reject: (subject, why, body) => refused.push({ subject, why, body }) }),
      ),
    );
    const nc = await connect({ servers: url });
    onTestFinished(async () => {
      await nc.close();
      await Promise.all(doors.map((door) => door.close()));
    });
    const ask = async (subject: string, text: string) => (await nc.request(`lightsout.lab.${subject}`, text, { timeout: 5_000 })).json();
    return { nc, ask, taken, refused, doors };
  }

  test("a request is taken by one worker and answered with its run", async () => {
    const { ask, taken } = await openTwo();
    expect(await ask("in.power-cycle.n1", `{"reason":"stuck"}`)).toEqual({ accepted: true, runs: ["run-1"] });
    const event = { specversion: "1.0", type: "power-cycle", subject: "n2", source: "shell", id: "1", data: { reason: "hot" } };
    expect(await ask("in.power-cycle.n1", JSON.stringify(event))).toMatchObject({ accepted: true });
    expect(taken[0]).toEqual({ type: "power-cycle", key: "n1", body: { reason: "stuck" }, origin: undefined });
  });

  test("what is not taken is answered with why and handed to the dead letters; what could not be stored is not", async () => {
    const { ask, refused } = await openTwo();
    expect(await ask("in.make-coffee", "{}")).toEqual({ accepted: false, why: "no event is called make-coffee" });
    expect(await ask("in.power-cycle.n1", "{oops")).toEqual({ accepted: false, why: "the message is not JSON" });
    expect(await ask("in.broken", "{}")).toEqual({ accepted: false, why: "not stored, send it again: the disk is full" });
    expect(refused).toEqual([
      { subject: "lightsout.lab.in.make-coffee", why: "no event is called make-coffee", body: "{}" },
      { subject: "lightsout.lab.in.power-cycle.n1", why: "the message is not JSON", body: "{oops" },
    ]);
  });

  test("a plain publish is taken too; a request when nobody listens fails at once", async () => {
    const { nc, ask, taken, doors } = await openTwo();
    nc.publish("lightsout.lab.in.power-cycle.n3", "{}");
    await eventually(() => expect(taken.map(({ key }) => key)).toEqual(["n3"]));
    await Promise.all(doors.map((door) => door.close()));
    await expect(ask("in.power-cycle.n1", "{}")).rejects.toThrow("no responders");
  });
});
