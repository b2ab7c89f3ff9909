import { createServer, type Server } from "node:net";
import { expect, it, onTestFinished } from "vitest";
import { compose } from "#config/compose.ts";
import { declaredSite } from "#test/config/declared.ts";

const silent = { fact: () => undefined, note: () => undefined };

/** A port on which nothing answers until the server is told to listen on it. */
async function quietPort(): Promise<{ port: number; server: Server }> {
  const server = createServer((socket) =>
    socket
      .on("error", () => undefined)
      .resume()
      .end("alive"),
  );
  onTestFinished(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return { port, server };
}

it("a machine without a BMC reads off on a person's word, until anything on it shows life", async () => {
  const { config } = await declaredSite();
  const { port, server } = await quietPort();
  const lightsout = await compose(config, { log: silent, osAddress: () => ({ host: "127.0.0.1", kubeletPort: port, talosPort: port }) });
  onTestFinished(() => lightsout.close());
  const power = () => lightsout.ports.power.of("desk-01").state();
  await expect(power()).rejects.toMatchObject({ code: "LO_UNSUPPORTED" });
  const attest = async () => {
    const reply = await fetch(`${lightsout.url}/v1/machines/desk-01/attestation`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ reason: "its cord is pulled" }),
    });
    expect(reply.status).toBe(202);
    return reply.json();
  };
  expect(await attest()).toMatchObject({ counts: true, power: expect.stringMatching(/^off, attested by local/) });
  expect((await lightsout.machines()).find(({ name }) => name === "desk-01")).toMatchObject({ powerState: "off", canProveOff: false });
  expect(await power()).toMatchObject({
    state: "off",
    raw: expect.stringMatching(/^off, attested by local until .*: its cord is pulled$/),
  });

  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  await expect(power()).rejects.toMatchObject({ code: "LO_UNSUPPORTED" });
  expect(await attest()).toMatchObject({ counts: false, power: "no BMC" });
  await new Promise((resolve) => server.close(resolve));
  await expect(power()).rejects.toMatchObject({ code: "LO_UNSUPPORTED" });
});
