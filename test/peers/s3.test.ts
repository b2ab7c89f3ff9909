import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ListMultipartUploadsCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createS3Snapshots, type S3Options } from "#adapters/snapshots/mod.ts";
import { systemClock } from "#events";
import { inChunks, snapshotBytes, snapshotContract } from "#test/contracts/snapshots.ts";
import { peer } from "#test/peers/peer.ts";
import { freePort } from "./free-port.ts";

/** Its path: where Go put it, where the variable names that. */
const program =
  process.env.S3_SERVER ??
  peer("versitygw", "Go: go install github.com/versity/versitygw/cmd/versitygw@v1.8.0, and name it in S3_SERVER") ??
  "";

/** The S3 gateway of Versity over a folder: each bucket is a folder, each object a file. */
describe.skipIf(program === "")("an S3 server that this project did not write", () => {
  const root = mkdtempSync(join(tmpdir(), "lightsout-s3-"));
  const keys = { accessKey: "lab-access", secretKey: "lab-secret-key" };
  let child: ChildProcess;
  let port = 0;
  let buckets = 0;

  beforeAll(async () => {
    port = await freePort();
    const env = { ...process.env, ROOT_ACCESS_KEY: keys.accessKey, ROOT_SECRET_KEY: keys.secretKey };
    child = spawn(program, ["--port", `127.0.0.1:${port}`, "posix", root], { env, stdio: "ignore" });
    for (let tries = 0; tries < 300 && !(await answers()); tries += 1) await new Promise((resolve) => setTimeout(resolve, 50));
  });
  afterAll(async () => {
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
    rmSync(root, { recursive: true, force: true });
  });
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    );
  const options = (bucket: string, last: number, more: Partial<S3Options> = {}): S3Options => ({
    endpoint: `http://127.0.0.1:${port}`,
    bucket,
    region: "us-east-1",
    ...keys,
    prefix: "etcd/lab",
    keep: { last, daily: 0, weekly: 0 },
    clock: systemClock,
    ...more,
  });
  const open = async (last: number) => {
    buckets += 1;
    const bucket = `snapshots-${buckets}`;
    const folder = join(root, bucket, "etcd/lab");
    mkdirSync(folder, { recursive: true });
    return {
      snapshots: createS3Snapshots(options(bucket, last)),
      files: async () => (await readdir(folder).catch(() => [])).filter((name) => !name.startsWith(".")),
      async damage(name: string) {
        const bytes = await readFile(join(folder, name));
        bytes[9000] = (bytes[9000] ?? 0) ^ 1;
        await writeFile(join(folder, name), bytes);
      },
      async leave(name: string, content: string) {
        mkdirSync(folder, { recursive: true });
        await writeFile(join(folder, name), content);
      },
    };
  };

  snapshotContract(open);

  test("a snapshot of many parts", async () => {
    const { snapshots } = await open(10);
    const bytes = snapshotBytes("large", 50_000);
    expect((await snapshots.store("lab-large.db", inChunks(bytes, 1_000_000))).bytes).toBe(bytes.length);
  });

  test("a large one that breaks off leaves no parts behind", async () => {
    const { files, snapshots } = await open(10);
    async function* broken() {
      yield* inChunks(snapshotBytes("large", 50_000), 1_000_000);
      throw new Error("the member went away");
    }
    await expect(snapshots.store("lab-large.db", broken())).rejects.toThrow("the member went away");
    expect(await files()).toEqual([]);
    const { accessKey: accessKeyId, secretKey: secretAccessKey } = keys;
    const { endpoint, region } = options("", 1);
    const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } });
    const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: `snapshots-${buckets}` }));
    expect(Uploads ?? []).toEqual([]);
  });

  test("a wrong key, a missing bucket and a server that is not there are told, without the secret", async () => {
    const { snapshots } = await open(10);
    await snapshots.list();
    const bucket = `snapshots-${buckets}`;
    const failures = [
      createS3Snapshots(options(bucket, 1, { secretKey: "not-the-secret" })).list(),
      createS3Snapshots(options("no-such-bucket", 1)).list(),
      createS3Snapshots(options(bucket, 1, { endpoint: "http://127.0.0.1:1" })).store("lab-1.db", inChunks(snapshotBytes("a"))),
    ];
    for (const ended of await Promise.allSettled<unknown>(failures)) {
      const error = ended.status === "rejected" ? (ended.reason as Error) : undefined;
      expect(error).toMatchObject({ code: "LO_SNAPSHOT" });
      expect(`${error?.message} ${JSON.stringify(error)}`).not.toMatch(/lab-secret-key|not-the-secret/);
    }
  });
});
