import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTalos } from "#adapters/os/talos/mod.ts";
import { createTalosAuthority } from "#test/lab/talos-cert.ts";
import { authority, createRig, type RigOptions, rejection, until, verdict } from "./rig.ts";

const other = createTalosAuthority();

/** A server that answers the client's part of a TLS 1.2 handshake, where alerts are still in the clear, with this one. */
async function alerting(alert: number): Promise<number> {
  const tls = createTlsServer({
    ...authority.server("m1"),
    ca: authority.ca,
    requestCert: true,
    maxVersion: "TLSv1.2",
    ALPNProtocols: ["h2"],
  });
  tls.on("tlsClientError", () => undefined);
  await new Promise<void>((ready) => tls.listen(0, "127.0.0.1", ready));
  const server = createServer((near) => {
    const far = connect((tls.address() as AddressInfo).port, "127.0.0.1");
    for (const end of [near, far]) end.on("error", () => undefined);
    far.on("data", (data) => near.write(data));
    near.once("data", (hello) => {
      far.write(hello);
      near.once("data", () => {
        far.destroy();
        near.end(Buffer.from([0x15, 3, 3, 0, 2, 2, alert]));
      });
    });
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  onTestFinished(() => {
    server.close();
    tls.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A machine as it is seen with another talosconfig than its own. */
const seenWith = (text: string, options: RigOptions = {}) => createRig({ ...options, talos: { talosconfig: { text } } });

describe("our certificate", () => {
  test.each([
    ["that has expired", [-30, -1], "has expired on"],
    ["that is not valid yet", [2, 30], "is valid only from"],
  ] as const)("%s is said to be so, and nobody is asked", async (_, days, why) => {
    const { box, machine, permit } = await seenWith(authority.talosconfig(["os:admin"], { days }));
    const error = await rejection(machine.version());
    expect(error).toMatchObject({ code: "LO_TALOS_AUTH", effect: "none", message: expect.stringContaining(why) });
    expect(await verdict(machine.reboot(permit("os-reboot"), "default"))).toBe("LO_TALOS_AUTH, none");
    expect(box.calls).toEqual([]);
    expect((await machine.presence()).is).toBe("ours");
  });

  test("of another cluster: a machine that only hangs up is not known to have refused it, and nothing was done", async () => {
    const mixed = other.talosconfig(["os:admin"]).replace(/ca: .*/, /ca: .*/.exec(authority.talosconfig([]))?.[0] ?? "");
    const { box, machine, permit } = await seenWith(mixed);
    expect(await verdict(machine.version())).toBe("LO_TALOS_UNREACHABLE, none");
    expect(await verdict(machine.reboot(permit("os-reboot"), "default"))).toBe("LO_TALOS_UNREACHABLE, none");
    expect(box.calls).toEqual([]);
  });

  test.each([
    [42, "LO_TALOS_AUTH", "bad certificate"],
    [45, "LO_TALOS_AUTH", "certificate expired"],
    [46, "LO_TALOS_AUTH", "certificate unknown"],
    [48, "LO_TALOS_AUTH", "unknown ca"],
    [49, "LO_TALOS_AUTH", "access denied"],
    [40, "LO_TALOS_UNREACHABLE", "handshake failure"],
    [70, "LO_TALOS_UNREACHABLE", "protocol version"],
    [80, "LO_TALOS_UNREACHABLE", "internal error"],
  ])("refused by TLS alert %i is %s", async (alert, code, words) => {
    const port = await alerting(alert);
    const { clock } = await createRig();
    const talos = createTalos({
      talosconfig: { text: authority.talosconfig(["os:admin"]) },
      addressOf: () => ({ host: "127.0.0.1", port }),
      clock,
    });
    onTestFinished(() => talos.close());
    const error = await rejection(talos.of("m1").version());
    expect(error).toMatchObject({ code, effect: "none", message: expect.stringMatching(new RegExp(words.replace(" ", "[ _]"), "i")) });
  });

  test("a TLS failure after the handshake ends the call at once, with its name", async () => {
    const rig = await createRig();
    const server = createServer((near) => {
      const far = connect(rig.box.port, "127.0.0.1");
      for (const end of [near, far]) end.on("error", () => undefined);
      let flights = 0;
      near.on("data", (data) => {
        flights += 1;
        // The client's second flight ends its part of the handshake. A record that decrypts to nothing is what an alert is to the session.
        if (flights === 2) near.write(Buffer.from([0x17, 3, 3, 0, 20, ...Buffer.alloc(20)]));
        else far.write(data);
      });
      far.on("data", (data) => flights < 2 && near.write(data));
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    onTestFinished(() => void server.close());
    const talos = createTalos({
      talosconfig: { text: authority.talosconfig(["os:admin"]) },
      addressOf: () => ({ host: "127.0.0.1", port: (server.address() as AddressInfo).port }),
      clock: rig.clock,
    });
    onTestFinished(() => talos.close());
    const error = await rejection(talos.of("m1").version());
    expect(error).toMatchObject({ code: "LO_TALOS_UNREACHABLE", effect: "none", message: expect.stringContaining("ERR_SSL_") });
  });

  test("without a role may do nothing, and a reader may not read files before 1.14", async () => {
    const nobody = await createRig({ roles: [] });
    expect(await verdict(nobody.machine.version())).toBe("LO_TALOS_AUTH, none");
    const reader = await createRig({ roles: ["os:reader"], version: "v1.13.9" });
    expect(await rejection(reader.machine.bootId())).toMatchObject({
      code: "LO_TALOS_AUTH",
      message: "m1: boot id: the machine answered PermissionDenied: not authorized",
      hint: expect.stringContaining("os:admin"),
    });
    const newer = await createRig({ roles: ["os:reader"], version: "v1.14.0" });
    expect(await newer.machine.bootId()).toBe(newer.host.bootId());
  });
});

describe("the machine's certificate", () => {
  test("of another cluster is not talked to", async () => {
    const { box, machine, permit } = await createRig({ signedBy: other });
    expect(await machine.presence()).toMatchObject({
      is: "foreign",
      seen: expect.stringContaining("a certificate for m1 that we do not trust"),
    });
    expect(await rejection(machine.version())).toMatchObject({ code: "LO_TALOS_CERTIFICATE", effect: "none" });
    expect(await verdict(machine.reboot(permit("os-reboot"), "default"))).toBe("LO_TALOS_CERTIFICATE, none");
    expect(box.calls).toEqual([]);
  });

  test("for another address is not talked to", async () => {
    const { talos, box, clock } = await createRig();
    const wrong = createTalos({
      talosconfig: { text: authority.talosconfig(["os:admin"]) },
      addressOf: () => ({ host: "127.0.0.1", port: box.port, servername: "m7.lab" }),
      clock,
    });
    onTestFinished(() => wrong.close());
    expect(await verdict(wrong.of("m7").version())).toBe("LO_TALOS_CERTIFICATE, none");
    expect((await wrong.of("m7").presence()).is).toBe("foreign");
    expect((await talos.of("m1").presence()).is).toBe("ours");
  });
});

test("calls share one connection, and a machine that moved is dialed at its new address", async () => {
  const first = await createRig();
  const second = await createRig();
  let at = first.box;
  const talos = createTalos({
    talosconfig: { text: authority.talosconfig(["os:admin"]) },
    addressOf: () => ({ host: "127.0.0.1", port: at.port }),
    clock: first.clock,
  });
  onTestFinished(() => talos.close());
  await Promise.all(Array.from({ length: 50 }, () => talos.of("m1").system()));
  expect(first.box.connections()).toBe(1);
  at = second.box;
  expect((await talos.of("m1").system()).uuid).toBe(second.host.identity.uuid);
  await until(() => expect(first.box.connections()).toBe(0));
});

describe("presence", () => {
  test("tells a machine in maintenance, one that is off and one that hangs", async () => {
    const { machine, os, host } = await createRig({ maintenance: true, talos: { timeouts: { connect: 4000 } } });
    expect(await machine.presence()).toEqual({ is: "maintenance", seen: "a certificate for maintenance-service.talos.dev" });
    expect(await rejection(machine.version())).toMatchObject({
      code: "LO_TALOS_CERTIFICATE",
      message: expect.stringContaining("in maintenance mode"),
    });
    os.config = "machine: {}";
    expect((await machine.presence()).is).toBe("ours");
    host.faults.hang = true;
    expect(await machine.presence()).toEqual({ is: "silent", seen: "ETIMEDOUT" });
    host.press("force-off", "test");
    await until(() => expect(host.power()).toBe("off"));
    expect((await machine.presence()).is).toBe("silent");
    await expect(machine.presence(AbortSignal.abort(new Error("no need")))).rejects.toThrow("no need");
  });

  test("is not taken in by something that is no Talos", async () => {
    const { talos, clock } = await createRig();
    await talos.close();
    const echo = createServer((socket) =>
      socket.on("error", () => undefined).on("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n")),
    );
    await new Promise<void>((ready) => echo.listen(0, "127.0.0.1", ready));
    onTestFinished(() => void echo.close());
    const there = createTalos({
      talosconfig: { text: authority.talosconfig(["os:admin"]) },
      addressOf: () => ({ host: "127.0.0.1", port: (echo.address() as AddressInfo).port }),
      clock,
    });
    onTestFinished(() => there.close());
    expect((await there.of("m1").presence()).is).toBe("silent");
    expect(await verdict(there.of("m1").version())).toBe("LO_TALOS_UNREACHABLE, none");
  });
});

describe("a machine that was cut off without a word", () => {
  /** A cable between us and the machine that can be pulled: what is sent then is lost, and nothing is closed. */
  async function cable(to: number) {
    const pairs: [Socket, Socket][] = [];
    let pulled = false;
    const server = createServer((near) => {
      const far = connect(to, "127.0.0.1");
      for (const end of [near, far]) end.on("error", () => undefined);
      if (!pulled) {
        near.on("data", (data) => pulled || far.write(data));
        far.on("data", (data) => pulled || near.write(data));
      }
      pairs.push([near, far]);
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    onTestFinished(() => {
      for (const end of pairs.flat()) end.destroy();
      server.close();
    });
    return {
      port: (server.address() as AddressInfo).port,
      pull(now: boolean) {
        pulled = now;
      },
      count: () => pairs.length,
    };
  }

  test("is found out before an act is sent, and reached again when it is back", async () => {
    const rig = await createRig();
    const line = await cable(rig.box.port);
    const talos = createTalos({
      talosconfig: { text: authority.talosconfig(["os:admin"]) },
      addressOf: () => ({ host: "127.0.0.1", port: line.port }),
      clock: rig.clock,
      timeouts: { connect: 4000, call: 60_000 },
    });
    onTestFinished(() => talos.close());
    const machine = talos.of("m1");
    await machine.version();
    line.pull(true);
    expect(await verdict(machine.reboot(rig.permit("os-reboot"), "default"))).toBe("LO_TALOS_UNREACHABLE, none");
    expect(rig.box.effects).toEqual([]);
    line.pull(false);
    await machine.reboot(rig.permit("os-reboot"), "default");
    expect(rig.box.effects).toEqual(["reboot DEFAULT"]);
  });

  test("is given up after a read without an answer, and a connection that answers is kept", async () => {
    const rig = await createRig();
    const line = await cable(rig.box.port);
    const talos = createTalos({
      talosconfig: { text: authority.talosconfig(["os:admin"]) },
      addressOf: () => ({ host: "127.0.0.1", port: line.port }),
      clock: rig.clock,
      timeouts: { connect: 4000, call: 4000 },
    });
    onTestFinished(() => talos.close());
    const machine = talos.of("m1");
    rig.os.faults.silent.add("Version");
    expect(await verdict(machine.version())).toBe("LO_TALOS_TIMEOUT, none");
    await machine.system();
    expect(line.count()).toBe(1);
    line.pull(true);
    expect(await verdict(machine.system())).toBe("LO_TALOS_TIMEOUT, none");
    line.pull(false);
    // The stalled connection lost bytes: it must not be used again, whether or not it was found out yet.
    await until(async () => expect((await machine.system()).serial).toBe("SN-m1"));
    expect(line.count()).toBe(2);
  });
});
