import { createHash } from "node:crypto";
import { rm, truncate, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createNetboot } from "#adapters/netboot/mod.ts";
import { createMemoryStore } from "#events";
import { createRig, gpu02, profile, temporaryFolder } from "./rig.ts";

const who = `uuid=${gpu02.uuid}&mac=3c-ec-ef-12-34-56&serial=SN-GPU-02`;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

describe("scripts", () => {
  it("an armed machine gets the boot of its own schematic", async () => {
    const { arm, script } = await createRig();
    const token = await arm();
    expect((await script(who)).replaceAll(token, "TOKEN")).toMatchInlineSnapshot(`
      "#!ipxe
      echo Lightsout: gpu-02 boots Talos to install
      imgfree
      kernel http://boot.example:7481/boot/TOKEN/kernel-amd64 initrd=initramfs-amd64.xz talos.platform=metal slab_nomerge pti=on talos.config=http://boot.example:7481/config/TOKEN || goto disk
      initrd http://boot.example:7481/boot/TOKEN/initramfs-amd64.xz || goto disk
      boot || goto disk
      :disk
      iseq \${platform} efi && goto efi ||
      exit
      :efi
      exit 1
      "
    `);
  });

  it("a machine that wipes first gets the argument in one boot only", async () => {
    const { arm, get, script } = await createRig();
    const token = await arm("gpu-02", "r1", { wipe: true });
    expect(await script(who)).toContain(" talos.experimental.wipe=system ");
    expect(await script(who)).toContain(" talos.experimental.wipe=system ");
    await (await get(`/boot/${token}/initramfs-amd64.xz`)).arrayBuffer();
    await expect.poll(() => script(who)).not.toContain("wipe");
  });

  it("iPXE that firmware loaded over HTTP finds the first script beside it, and brings the network up itself", async () => {
    const { get } = await createRig();
    const [shebang, ...asking] = (await (await get("/boot.ipxe")).text()).split("\n");
    expect((await (await get("/efi/autoexec.ipxe")).text()).split("\n")).toEqual([shebang, "dhcp || goto disk", ...asking]);
  });

  it("an un-armed machine boots its disk, by the way that suits its firmware", async () => {
    const ways = ["auto", "exit", "exit-1", "sanboot"] as const;
    const scripts = await Promise.all(ways.map(async (way) => (await createRig({ diskBoot: () => way })).script(who)));
    expect(scripts).toMatchInlineSnapshot(`
      [
        "#!ipxe
      echo Lightsout: gpu-02 is not armed, booting its disk
      :disk
      iseq \${platform} efi && goto efi ||
      exit
      :efi
      exit 1
      ",
        "#!ipxe
      echo Lightsout: gpu-02 is not armed, booting its disk
      :disk
      exit
      ",
        "#!ipxe
      echo Lightsout: gpu-02 is not armed, booting its disk
      :disk
      exit 1
      ",
        "#!ipxe
      echo Lightsout: gpu-02 is not armed, booting its disk
      :disk
      sanboot --no-describe --drive 0x80 || exit 1
      ",
      ]
    `);
  });

  it("an unknown machine boots its disk", async () => {
    const { notices, script } = await createRig();
    expect(await script("uuid=&mac=52:54:00:00:00:01&serial=")).toMatchInlineSnapshot(`
      "#!ipxe
      echo Lightsout: not a machine of the inventory, booting the disk
      :disk
      iseq \${platform} efi && goto efi ||
      exit
      :efi
      exit 1
      "
    `);
    expect(notices).toMatchObject([{ what: "script-disk", detail: "no machine of the inventory has its uuid, serial or MAC" }]);
  });

  it("the first script asks with everything that tells machines apart, and itself ends at the disk", async () => {
    const { get } = await createRig();
    expect(await (await get("/boot.ipxe")).text()).toMatchInlineSnapshot(`
      "#!ipxe
      chain --replace http://boot.example:7481/ipxe?uuid=\${uuid}&mac=\${netX/mac:hexhyp}&serial=\${serial:uristring}&arch=\${buildarch}&platform=\${platform} || goto disk
      :disk
      iseq \${platform} efi && goto efi ||
      exit
      :efi
      exit 1
      "
    `);
  });

  it("a store that does not answer leads to the disk", async () => {
    const store = createMemoryStore();
    const { get, notices } = await createRig({ store });
    await store.close();
    const reply = await get(`/ipxe?${who}`);
    expect([reply.status, await reply.text()]).toEqual([200, expect.stringContaining("\n:disk\n")]);
    expect(notices).toMatchObject([{ what: "script-disk", detail: "deciding failed" }]);
  });

  it("only the machine itself, in whatever spelling, is offered its boot", async () => {
    const { arm, script } = await createRig();
    await arm();
    await arm("worker-01", "r2");
    const offered = async (query: string) => /boot\/([^/.]+)/.exec(await script(query))?.[1];
    const gpu = Buffer.from("gpu-02").toString("base64url");
    const worker = Buffer.from("worker-01").toString("base64url");
    for (const [query, machine] of [
      [who, gpu],
      [`uuid=${gpu02.uuid?.toUpperCase()}`, gpu],
      // As firmware prints it that swaps the first three groups, or does not.
      ["uuid=44454c4c-4300-1030-8052-b4c04f564231", gpu],
      ["mac=3CECEF123457", gpu],
      ["serial=%20sn-gpu-02%20", gpu],
      ["mac=3c:ec:ef:12:34:56&uuid=00000000-0000-0000-0000-000000000000&serial=To+be+filled+by+O.E.M.", gpu],
      ["mac=00:25:90:aa:bb:cc&uuid=00000000-0000-0000-0000-000000000000", worker],
      // Of a placeholder in the inventory nobody is the contradiction.
      ["mac=00:25:90:aa:bb:cc&uuid=4c4c4544-0043-3010-8052-b4c04f564299", worker],
      // Placeholders name nobody, though the inventory has one too.
      ["uuid=00000000-0000-0000-0000-000000000000", undefined],
      ["mac=00:00:00:00:00:00", undefined],
      ["", undefined],
      // What contradicts the inventory, or names two.
      ["mac=3c:ec:ef:12:34:56&uuid=4c4c4544-0043-3010-8052-b4c04f564299", undefined],
      ["mac=3c:ec:ef:12:34:56&serial=SN-OTHER", undefined],
      [`uuid=${gpu02.uuid}&mac=52:54:00:00:00:01`, undefined],
      [`uuid=${gpu02.uuid}&mac=00:25:90:aa:bb:cc`, undefined],
      [`uuid=${gpu02.uuid}&uuid=4c4c4544-0043-3010-8052-b4c04f564299`, undefined],
    ] as const) {
      expect(await offered(query), query).toBe(machine);
    }
  });

  it("machines that share an id are told apart by nothing else than another id", async () => {
    const uuid = "4c4c4544-0043-3010-8052-b4c04f564231";
    const { notices, script } = await createRig({
      machines: () => [
        { name: "a", uuid, macs: ["3c:ec:ef:12:34:56"] },
        { name: "b", uuid, macs: [] },
      ],
    });
    await script(`uuid=${uuid}`);
    expect(notices.map(({ detail }) => detail)).toEqual(["it could be a or b"]);
  });

  it("nothing that is sent can stand in a script", async () => {
    const { app, arm, script } = await createRig();
    const plain = [await script("mac=52:54:00:00:00:01"), await script(who)];
    const token = await arm();
    plain.push(await script(who));
    expect(plain[2]).toContain(token);
    const nasty = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom(
        "\nboot http://evil/x",
        `\${uuid}`,
        "#!ipxe\nshell",
        "||",
        "&&",
        "\r\n\r\n",
        "%0aboot",
        "\0",
        "../..",
        gpu02.uuid ?? "",
      ),
    );
    const key = fc.oneof(fc.constantFrom("uuid", "mac", "serial", "hostname", "arch", "platform", "__proto__"), fc.string());
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(key, nasty), { maxLength: 6 }), async (pairs) => {
        const query = pairs.map(
          ([name, value]) => `${encodeURIComponent(name.toWellFormed())}=${encodeURIComponent(value.toWellFormed())}`,
        );
        const reply = await app.fetch(new Request(`http://boot/ipxe?${query.join("&")}`));
        expect(plain).toContain(await reply.text());
      }),
      { numRuns: 300 },
    );
  });

  it.each(["ftp://a", "http://a/ b", `http://\${x}/`, "http://a\nboot", "x"])("refuses %j as its own address", (url) => {
    const options = { machines: () => [], arms: {} as never, assets: { find: async () => undefined }, config: async () => "" };
    expect(() => createNetboot({ ...options, url })).toThrow(/cannot be the address of the boot server/);
  });
});

describe("files", () => {
  it("serves an armed machine's kernel and initramfs, and records that they left", async () => {
    const { arm, arms, get, kernel, notices } = await createRig();
    const token = await arm();
    const reply = await get(`/boot/${token}/kernel-amd64`);
    expect(reply.headers.get("content-length")).toBe("600000");
    expect(Buffer.from(await reply.arrayBuffer()).equals(kernel)).toBe(true);
    expect((await (await get(`/boot/${token}/initramfs-amd64.xz`)).arrayBuffer()).byteLength).toBe(300_000);
    await expect
      .poll(() => notices.map(({ what, machine }) => `${machine} ${what}`))
      .toEqual(["gpu-02 kernel-sent", "gpu-02 initramfs-sent"]);
    expect((await arms.of("gpu-02"))?.evidence.map(({ stage }) => stage)).toEqual(["armed", "kernel-sent", "initramfs-sent"]);
  });

  it("says nothing was sent of what broke off or was asked for in parts", async () => {
    const { arm, arms, get, url } = await createRig();
    const token = await arm();
    await (await get(`/boot/${token}/kernel-amd64`, { headers: { range: "bytes=0-9" } })).arrayBuffer();
    await (await get(`/boot/${token}/kernel-amd64`, { method: "HEAD" })).arrayBuffer();
    await new Promise<void>((resolve) => {
      const asking = request(`${url}/boot/${token}/kernel-amd64`, (reply) => {
        reply.once("data", () => asking.destroy());
        reply.once("close", resolve);
        reply.on("error", () => undefined);
      });
      asking.on("error", () => undefined).end();
    });
    await (await get(`/boot/${token}/initramfs-amd64.xz`)).arrayBuffer();
    await expect.poll(async () => (await arms.of("gpu-02"))?.evidence.at(-1)?.stage).toBe("initramfs-sent");
    expect((await arms.of("gpu-02"))?.evidence.map(({ stage }) => stage)).toEqual(["armed", "initramfs-sent"]);
  });

  it("serves no other file of an arm, and none without its token", async () => {
    const { arm, arms, get } = await createRig();
    const token = await arm();
    const statuses = async () =>
      Promise.all(
        [`/boot/${token}/SHA256SUMS`, `/boot/${token}/..%2f..%2fetc`, `/boot/${token}x/kernel-amd64`, "/boot/x/kernel-amd64"].map(
          async (path) => (await get(path)).status,
        ),
      );
    expect(await statuses()).toEqual([404, 404, 404, 404]);
    await arms.disarm("gpu-02", { why: "done" });
    expect((await get(`/boot/${token}/kernel-amd64`)).status).toBe(404);
  });

  it.each([
    ["bytes=0-9", 206, "bytes 0-9/600000", 10],
    ["bytes=599990-", 206, "bytes 599990-599999/600000", 10],
    ["bytes=-10", 206, "bytes 599990-599999/600000", 10],
    ["bytes=599999-700000", 206, "bytes 599999-599999/600000", 1],
    ["bytes=-700000", 206, "bytes 0-599999/600000", 600_000],
    ["bytes=600000-", 416, "bytes */600000", 0],
    ["bytes=-0", 416, "bytes */600000", 0],
    ["bytes=9-5", 200, null, 600_000],
    ["bytes=0-1,5-6", 200, null, 600_000],
    ["bytes=-", 200, null, 600_000],
    ["lines=1-2", 200, null, 600_000],
  ])("answers the range %s with %i", async (range, status, contentRange, bytes) => {
    const { get, kernel } = await createRig();
    const reply = await get(`/assets/${profile.kernel}`, { headers: { range } });
    const body = Buffer.from(await reply.arrayBuffer());
    expect([reply.status, reply.headers.get("content-range"), body.length]).toEqual([status, contentRange, bytes]);
    if (status === 206) expect(kernel.includes(body)).toBe(true);
  });

  it("has a checksum as ETag, and knows it again", async () => {
    const { get, kernel } = await createRig();
    const head = await get(`/assets/${profile.kernel}`, { method: "HEAD" });
    const etag = `"${sha256(kernel)}"`;
    expect([head.status, head.headers.get("etag"), head.headers.get("content-length")]).toEqual([200, etag, "600000"]);
    expect((await get(`/assets/${profile.kernel}`, { headers: { "if-none-match": etag } })).status).toBe(304);
    const stale = await get(`/assets/${profile.kernel}`, { headers: { range: "bytes=0-9", "if-range": '"other"' } });
    expect([stale.status, (await stale.arrayBuffer()).byteLength]).toEqual([200, 600_000]);
  });

  it("serves no file whose bytes are not those of its checksum, and none that is gone", async () => {
    const { arm, folder, get, notices } = await createRig();
    const token = await arm();
    const status = async (file: string) => (await get(`/boot/${token}/${file}`)).status;
    expect(await status("kernel-amd64")).toBe(200);
    await truncate(join(folder, profile.kernel), 10);
    expect(await status("kernel-amd64")).toBe(404);
    await rm(join(folder, profile.initramfs));
    expect(await status("initramfs-amd64.xz")).toBe(404);
    expect(notices.filter(({ what }) => what === "asset-missing").map(({ machine, detail }) => [machine, detail])).toEqual([
      ["gpu-02", profile.kernel],
      ["gpu-02", profile.initramfs],
    ]);
  });

  it.each(["/assets/../netboot", "/assets/%2e%2e/x", "/assets/", "/assets//etc/passwd", "/assets/SHA256SUMS", "/x", "/efi/x.efi"])(
    "has nothing at %s",
    async (path) => {
      const { url } = await createRig();
      const status = await new Promise((resolve) => request(url, { path }, (reply) => resolve(reply.resume().statusCode)).end());
      expect(status).toBe(404);
    },
  );

  it("serves iPXE's programs to firmware that boots over HTTP", async () => {
    const programs = await temporaryFolder();
    await writeFile(join(programs, "snponly.efi"), "MZ");
    await writeFile(join(programs, "secret.txt"), "no");
    const { get } = await createRig({ programs });
    const reply = await get("/efi/snponly.efi");
    expect([reply.headers.get("content-length"), await reply.text()]).toEqual(["2", "MZ"]);
    expect((await get("/efi/snponly.efi", { method: "HEAD" })).headers.get("content-length")).toBe("2");
    expect((await get("/efi/secret.txt")).status).toBe(404);
    expect((await get("/efi/..%2fsecret.efi")).status).toBe(404);
  });
});

describe("the configuration", () => {
  it("is the machine's own, for its token", async () => {
    const { arm, get, notices } = await createRig();
    const token = await arm();
    const other = await arm("worker-01", "r2");
    expect(await (await get(`/config/${token}`)).text()).toBe("# for gpu-02, r1\nmachine: {}\n");
    expect(await (await get(`/config/${other}`)).text()).toBe("# for worker-01, r2\nmachine: {}\n");
    expect(notices.map(({ what, machine, run }) => [what, machine, run])).toEqual([
      ["config-sent", "gpu-02", "r1"],
      ["config-sent", "worker-01", "r2"],
    ]);
  });

  it("is not given to the un-armed, the expired, the consumed, the disarmed and the guessing", async () => {
    let now = 1_000_000;
    const clock = { now: () => now, mono: () => now, sleep: async () => undefined };
    const { arm, arms, get } = await createRig({ clock });
    const status = async (token: string) => (await get(`/config/${token}`)).status;
    const name = Buffer.from("gpu-02").toString("base64url");
    for (const guess of ["", "x", `${name}.`, `${name}.x`, `${name}.${"A".repeat(32)}`, "%00", "a.b?x=1"])
      expect(await status(guess)).toBe(404);
    const token = await arm();
    expect((await get(`/config/${token}`, { method: "HEAD" })).status).toBe(404);
    now += 3_600_000;
    expect(await status(token)).toBe(404);
    const second = await arm("gpu-02", "r2");
    await arms.consume("gpu-02", "r2", "joined");
    expect(await status(second)).toBe(404);
    const third = await arm("gpu-02", "r3");
    await arms.disarm("gpu-02", { why: "asked" });
    expect(await status(third)).toBe(404);
  });

  it("closes the boot: a machine that has it boots its disk from then on", async () => {
    const { arm, get, script } = await createRig();
    const token = await arm();
    expect(await script(who)).toContain(token);
    await get(`/config/${token}`);
    expect(await script(who)).not.toContain(token);
    expect((await get(`/boot/${token}/kernel-amd64`)).status).toBe(404);
  });

  it("can be asked for again when it could not be composed", async () => {
    let broken = true;
    const { arm, get } = await createRig({
      config: async () => {
        if (broken) throw new Error("a secret cannot be read");
        return "machine: {}\n";
      },
    });
    const token = await arm();
    const reply = await get(`/config/${token}`);
    expect([reply.status, await reply.text()]).toEqual([503, "Try again\n"]);
    broken = false;
    expect((await get(`/config/${token}`)).status).toBe(200);
  });
});
