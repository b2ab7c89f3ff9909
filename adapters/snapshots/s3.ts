import { Readable } from "node:stream";
import { DeleteObjectCommand, GetObjectCommand, paginateListObjectsV2, S3Client } from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import type { Clock } from "#events";
import type { Snapshots } from "./port.ts";
import type { Keep } from "./retention.ts";
import { createSnapshots, failed, type Shelf } from "./snapshots.ts";

/** Where a bucket is and how to log in: any S3 endpoint (Garage, MinIO, AWS). */
export interface S3Options {
  /** Such as `http://10.0.10.5:3900`. */
  readonly endpoint: string;
  readonly bucket: string;
  readonly region: string;
  readonly accessKey: string;
  readonly secretKey: string;
  /** Before every name, with `/` after it. Default none. */
  readonly prefix?: string;
  readonly keep: Keep;
  readonly clock: Clock;
  /** Silence of the server, in milliseconds, after which a request has failed. Default 30 s. */
  readonly idleMs?: number;
}

/** Snapshots in a bucket. An upload that breaks off is taken back, and what is stored is read again before it counts. */
export function createS3Snapshots(options: S3Options): Snapshots {
  return createSnapshots(s3Shelf(options), options);
}

function s3Shelf({ endpoint, bucket, region, accessKey, secretKey, prefix, idleMs = 30_000 }: S3Options): Shelf {
  const client = new S3Client({
    endpoint,
    region,
    credentials: { accessKeyId: accessKey, secretAccessKey: secretKey },
    // Garage and MinIO are reached by an address, which has no names of buckets before it.
    forcePathStyle: true,
    // Trailing checksums are news to many servers; what is stored is read back and compared anyway.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 3,
    requestHandler: { connectionTimeout: Math.min(idleMs, 10_000), socketTimeout: idleMs },
  });
  const base = prefix === undefined ? "" : `${prefix.replace(/\/+$/, "")}/`;
  const at = (name: string) => ({ Bucket: bucket, Key: base + name });

  const shelf: Shelf = {
    where: `s3://${bucket}${base === "" ? "" : `/${base.slice(0, -1)}`}`,
    async write(name, bytes) {
      // In parts, so that its length need not be known. When the bytes fail, the parts that were sent are taken back before this ends.
      const upload = new Upload({ client, params: { ...at(name), Body: Readable.from(bytes) } });
      await upload.done().catch((error: unknown) => {
        throw explained(`upload ${name}`, error);
      });
    },
    async *read(name, signal) {
      try {
        const { Body } = await client.send(new GetObjectCommand(at(name)), { ...(signal && { abortSignal: signal }) });
        yield* Body as AsyncIterable<Uint8Array>;
      } catch (error) {
        throw explained(`read ${name}`, error);
      }
    },
    async list(signal) {
      const found: { name: string; bytes: number; at: number }[] = [];
      try {
        for await (const page of paginateListObjectsV2(
          { client },
          { Bucket: bucket, Prefix: base },
          { ...(signal && { abortSignal: signal }) },
        )) {
          // A web page parses too, as an empty bucket.
          if (page.Name === undefined) throw new Error("the answer is no list of a bucket");
          for (const { Key = "", Size = 0, LastModified } of page.Contents ?? []) {
            const name = Key.slice(base.length);
            if (name !== "" && !name.includes("/")) found.push({ name, bytes: Size, at: LastModified?.getTime() ?? 0 });
          }
        }
        return found;
      } catch (error) {
        throw explained("list", error);
      }
    },
    async remove(name, signal) {
      try {
        await client.send(new DeleteObjectCommand(at(name)), { ...(signal && { abortSignal: signal }) });
      } catch (error) {
        throw explained(`delete ${name}`, error);
      }
    },
  };
  /** The server's name for what is wrong and its status: never a header, which bears the signature. */
  const explained = (what: string, error: unknown) => {
    const { code, message, name, $metadata } = error as Error & { code?: string; $metadata?: { httpStatusCode?: number } };
    const status = $metadata?.httpStatusCode;
    const said = status === undefined ? [code, message].filter(Boolean).join(" ") : `${name} (HTTP ${status})`;
    return failed(shelf, `cannot ${what} at ${endpoint}: ${said}`, hintFor(status), status === undefined ? error : undefined);
  };
  return shelf;
}

const hintFor = (status: number | undefined): string =>
  status === 403 || status === 401
    ? "Check snapshots.to.s3 accessKey and secretKey, the key's rights on the bucket, and the clocks of both"
    : status === 404
      ? "Check that the bucket exists and that it is meant"
      : "Check snapshots.to.s3 endpoint and region, and that the server runs";
