import { z } from "zod";
import { cron } from "./schedule.ts";
import { section } from "./section.ts";
import { anyWord, like, path, Refused, secret, text, user, value, whole, word } from "./value.ts";

const endpoint = value(
  "the URL of an S3 endpoint, such as http://10.0.10.5:3900",
  (given) => {
    const plain = given.replace(/\/+$/, "");
    if (/^https?:\/\/[A-Za-z0-9.:[\]-]+$/.test(plain) && URL.canParse(plain)) return plain;
    return new Refused(
      given.includes("@") ? "holds a user or a password" : "is not the URL of an S3 endpoint",
      "Write it like http://10.0.10.5:3900; bucket and keys have their own places",
    );
  },
  like(/^https?:\/\/[A-Za-z0-9.:[\]-]+\/*$/, "http://10.0.10.5:3900"),
);

const bucket = value(
  "the name of a bucket",
  (given) =>
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(given)
      ? given
      : new Refused("cannot be a bucket's name", "Write 3 to 63 lower-case letters, digits, - and ."),
  word(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/, "etcd"),
);

const folders = /^[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*\/?$/;

const prefix = value(
  "a prefix such as etcd/home",
  (given) =>
    folders.test(given)
      ? given.replace(/\/$/, "")
      : new Refused("cannot be a prefix", "Write letters, digits, ., _ and -, with / between folders"),
  word(folders, "etcd/home"),
);

const s3 = section({
  endpoint: endpoint.describe("URL of the S3 endpoint, without bucket and keys."),
  bucket: bucket.describe("Name of the bucket."),
  region: text("the region, such as garage or us-east-1").prefault("us-east-1").describe("Region that requests are signed for."),
  accessKey: user.describe("Id of the access key, itself or a reference."),
  secretKey: secret.describe("Reference to the secret key."),
  prefix: prefix.optional().describe("What names of snapshots begin with; default nothing."),
});

/** `snapshots`: where etcd's snapshots are kept, when they are taken, and which stay. */
export const snapshots = section({
  to: z
    .preprocess(
      (input) => (typeof input === "string" ? { folder: input } : (input ?? {})),
      section({
        folder: path.optional().describe("A folder."),
        s3: s3.optional().describe("A bucket of any S3 endpoint."),
      }),
    )
    .meta({ inOneWord: anyWord })
    .transform(({ folder, s3: bucketed }, context) => {
      if (folder !== undefined && !bucketed) return { folder };
      if (folder === undefined && bucketed) return { s3: bucketed };
      const message = bucketed ? "A folder and a bucket are given" : "Nothing says where snapshots go";
      const fix = "Write to: ./snapshots, or to: { s3: { endpoint, bucket, region, accessKey, secretKey } }";
      context.addIssue({ code: "custom", message, params: { fix }, input: undefined });
      return z.NEVER;
    })
    .describe("Where snapshots are kept: a folder, or a bucket."),
  schedule: cron.optional().describe("When they are taken; only when asked for without it."),
  keep: section({
    last: whole(1, 1000).prefault("7").describe("So many of the newest."),
    daily: whole(0, 366).prefault("7").describe("The newest of each of so many days."),
    weekly: whole(0, 520).prefault("4").describe("The newest of each of so many weeks."),
  })
    .prefault({})
    .describe("Which snapshots stay."),
  // A preprocessed map counts as one that may be left out.
}).meta({ required: ["to"] });

export type SnapshotsConfig = z.output<typeof snapshots>;
