import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { setImmediate } from "node:timers/promises";
import fc from "fast-check";
import { expect, it, onTestFinished } from "vitest";
import { readSums } from "#adapters/netboot/assets.ts";
import { createAssets, createNetboot, createProfile } from "#adapters/netboot/mod.ts";
import { fill, profile, schematic, served, temporaryFolder } from "./rig.ts";

const content = Buffer.from(Array.from({ length: 500_000 }, (_, at) => (at * at) % 251));
const sha256 = (bytes: Uint8Array | string) => createHash("sha256").update(bytes).digest("hex");
const path = profile.kernel;

/** Resolves when the file holds something. */
async function arrived(file: string): Promise<void> {
  while (((await stat(file).catch(() => undefined))?.size ?? 0) === 0) await setImmediate();
}

/** A factory that a test tells how to answer, and what it was asked. */
async function factory(answer: (request: IncomingMessage, reply: ServerResponse) => void) {
  const asked: string[] = [];
  const server = createServer((request, reply) => {
    asked.push(`${request.url} ${request.headers.range ?? "whole"}`);
    answer(request, reply);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  return {
    asked,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/image`,
    stop: () => server.close().closeAllConnections(),
  };
}

const whole = (_: IncomingMessage, reply: ServerResponse) => reply.writeHead(200, { "content-length": content.length }).end(content);

it("fetches once, also when many ask at once, and then needs nobody", async () => {
  const folder = await temporaryFolder();
  const { asked, stop, url } = await factory(whole);
  const assets = createAssets({ folder, source: { url } });
  expect(await assets.find(path)).toBeUndefined();
  const all = await Promise.all([1, 2, 3].map(() => assets.ensure(path)));
  expect(all[0]).toEqual({ file: join(folder, path), bytes: content.length, sha256: sha256(content) });
  stop();
  expect(await assets.ensure(path)).toEqual(all[0]);
  expect(await createAssets({ folder }).ensure(path)).toEqual(all[0]);
  expect(asked).toEqual([`/image/${path} whole`]);
  expect(await readFile(join(folder, dirname(path), "SHA256SUMS"), "utf8")).toBe(`${sha256(content)}  kernel-amd64\n`);
});

it("goes on where a transfer broke off, and serves no part of it before", async () => {
  const folder = await temporaryFolder();
  let broken = true;
  const { asked, url } = await factory((request, reply) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? "")?.[1] ?? 0);
    const headers = { etag: '"v1"', "content-length": content.length - from };
    if (broken) {
      reply.writeHead(200, headers).write(content.subarray(0, 200_000));
      // The transfer breaks off when some of it has arrived: how much is up to the kernel.
      void arrived(join(folder, `${path}.part`)).then(() => reply.destroy());
    } else
      reply
        .writeHead(206, { ...headers, "content-range": `bytes ${from}-${content.length - 1}/${content.length}` })
        .end(content.subarray(from));
  });
  const assets = createAssets({ folder, source: { url } });
  await expect(assets.ensure(path)).rejects.toThrow(/broke off/);
  expect(await assets.find(path)).toBeUndefined();
  broken = false;
  expect((await assets.ensure(path)).sha256).toBe(sha256(content));
  expect(asked).toEqual([`/image/${path} whole`, expect.stringMatching(/ bytes=\d+-$/)]);
  expect(await readdir(join(folder, dirname(path)))).toEqual(["SHA256SUMS", "kernel-amd64"]);
});

it.each([
  ["the file has changed since", '"v2"'],
  ["the source gives no ETag", undefined],
])("begins again when %s", async (_, etag) => {
  const folder = await temporaryFolder();
  let first = true;
  const { url } = await factory((_, reply) => {
    const tag = first ? '"v1"' : etag;
    reply.writeHead(200, { "content-length": content.length, ...(tag && { etag: tag }) });
    if (first) {
      reply.write(Buffer.alloc(200_000));
      void arrived(join(folder, `${path}.part`)).then(() => reply.destroy());
    } else reply.end(content);
    first = false;
  });
  const assets = createAssets({ folder, source: { url } });
  await expect(assets.ensure(path)).rejects.toThrow(/broke off/);
  expect((await assets.ensure(path)).sha256).toBe(sha256(content));
});

it("follows the Factory to where it keeps its files", async () => {
  const elsewhere = await factory(whole);
  const { url } = await factory((_, reply) => reply.writeHead(302, { location: `${elsewhere.url}/there` }).end());
  expect((await createAssets({ folder: await temporaryFolder(), source: { url } }).ensure(path)).bytes).toBe(content.length);
});

it.each([
  [404, /answers 404/],
  [500, /answers 500/],
  [206, /answers 206/],
])("says so when the source answers %i", async (status, message) => {
  const { url } = await factory((_, reply) => reply.writeHead(status).end("no"));
  await expect(createAssets({ folder: await temporaryFolder(), source: { url } }).ensure(path)).rejects.toThrow(message);
});

it("says so when nobody answers, and when asked to stop", async () => {
  const { stop, url } = await factory(() => undefined);
  const folder = await temporaryFolder();
  const assets = createAssets({ folder, source: { url } });
  await expect(assets.ensure(path, AbortSignal.abort(new Error("stopped")))).rejects.toThrow(/stopped/);
  stop();
  await expect(assets.ensure(path)).rejects.toThrow(/does not answer/);
});

it("repairs what has changed on disk, and refuses it where it cannot", async () => {
  const folder = await temporaryFolder();
  const { url } = await factory(whole);
  const assets = createAssets({ folder, source: { url } });
  const { file } = await assets.ensure(path);
  await writeFile(file, Buffer.alloc(content.length));
  expect(await assets.find(path)).toBeUndefined();
  await expect(createAssets({ folder }).ensure(path)).rejects.toThrow(/not in .* with the checksum .* nowhere to fetch it from/);
  expect((await assets.ensure(path)).sha256).toBe(sha256(content));
});

it("does not take a file for whole that nobody listed", async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, dirname(path)), { recursive: true });
  await writeFile(join(folder, path), "half");
  expect(await createAssets({ folder }).find(path)).toBeUndefined();
});

it("takes from a mirror only what the mirror's list confirms", async () => {
  const mirrored = await temporaryFolder();
  await fill(mirrored, { [path]: content, [profile.initramfs]: "good" });
  await writeFile(join(mirrored, profile.initramfs), "evil");
  const { url } = await factory(async (request, reply) => {
    const bytes = await readFile(join(mirrored, (request.url ?? "").slice("/image/".length))).catch(() => undefined);
    reply.writeHead(bytes ? 200 : 404).end(bytes);
  });
  const assets = createAssets({ folder: await temporaryFolder(), source: { url, checksums: true } });
  expect((await assets.ensure(path)).sha256).toBe(sha256(content));
  await expect(assets.ensure(profile.initramfs)).rejects.toThrow(/has the SHA-256 .*, SHA256SUMS says/);
  await expect(assets.ensure(`${dirname(path)}/other`)).rejects.toThrow(/does not list it/);
  await expect(assets.ensure("other/v1/kernel-amd64")).rejects.toThrow(/SHA256SUMS answers 404/);
});

it("has another Lightsout's boot server for a mirror", async () => {
  const mirrored = await temporaryFolder();
  await fill(mirrored, { [path]: content });
  const options = { url: "http://a", machines: () => [], arms: {} as never, config: async () => "" };
  const url = await served(createNetboot({ ...options, assets: createAssets({ folder: mirrored }) }).fetch);
  const assets = createAssets({ folder: await temporaryFolder(), source: { url: `${url}/assets`, checksums: true } });
  expect((await assets.ensure(path)).sha256).toBe(sha256(content));
});

it.each(["../x", "/x", "a//b", "", "a/%2e%2e/b"])("knows no asset %j", async (bad) => {
  const assets = createAssets({ folder: await temporaryFolder() });
  expect(await assets.find(bad)).toBeUndefined();
  await expect(assets.ensure(bad)).rejects.toThrow(/no path of a boot asset/);
});

it("makes a profile of the Factory's own command line", async () => {
  const folder = await temporaryFolder();
  const at = (file: string) => `${schematic}/v1.13.9/${file}`;
  await fill(folder, {
    [at("kernel-amd64")]: "k",
    [at("initramfs-amd64.xz")]: "i",
    [at("cmdline-metal-amd64")]: "talos.platform=metal console=tty0\n",
  });
  const parts = { schematic, version: "v1.13.9", arch: "amd64" as const };
  expect(await createProfile(createAssets({ folder }), { ...parts, args: ["talos.device.settle_time=1m"], wipe: true })).toEqual({
    kernel: at("kernel-amd64"),
    initramfs: at("initramfs-amd64.xz"),
    args: ["talos.platform=metal", "console=tty0", "talos.device.settle_time=1m"],
    wipe: true,
  });
  await expect(createProfile(createAssets({ folder }), { ...parts, arch: "arm64" })).rejects.toThrow(/cmdline-metal-arm64/);
});

it("reads any list of checksums", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => readSums(text) instanceof Map));
  const sum = "a".repeat(64);
  expect([...readSums(`${sum}  kernel-amd64\r\n${sum} *x.xz\n${sum}  ../etc/passwd\nshort  y\n${sum}  a b\n`)]).toEqual([
    ["kernel-amd64", sum],
    ["x.xz", sum],
  ]);
});
